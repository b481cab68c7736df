namespace Shipinator.Runner;

/// <summary>The step's configuration can't be executed: <c>config_error</c>, never a failure of the executor.</summary>
internal sealed class StepConfigException(string message) : Exception(message);
