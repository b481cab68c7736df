namespace Shipinator.Silo;

/// <summary>The server can't start as it is set up: the message is for the person who starts it, without a stack trace.</summary>
public sealed class StartupException(string message, Exception? inner = null) : Exception(message, inner);
