namespace Shipinator.Silo;

/// <summary>The server can't start in its configuration or environment. The message is shown without a stack trace.</summary>
public sealed class StartupException(string message, Exception? inner = null) : Exception(message, inner);
