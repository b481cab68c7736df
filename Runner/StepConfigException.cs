namespace Shipinator.Runner;

/// <summary>What the step asks for can't be done as it is written: <c>config_error</c>, never the executor's failure.</summary>
internal sealed class StepConfigException(string message) : Exception(message);
