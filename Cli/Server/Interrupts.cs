using System.Runtime.InteropServices;

namespace Shipinator.Cli.Server;

/// <summary>
/// Handles Ctrl-C, SIGTERM and SIGHUP. A command can handle the first Ctrl-C (<see cref="OnFirst"/>); every other signal cancels
/// <see cref="Token"/>.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private Action? _first;

    public Interrupts() =>
        _registrations = [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Handle),
        ];

    /// <summary>Canceled when the program must end.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Sets what the next Ctrl-C does, once, instead of ending the program.</summary>
    public void OnFirst(Action? action) => Interlocked.Exchange(ref _first, action);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (context.Signal == PosixSignal.SIGINT && Interlocked.Exchange(ref _first, null) is { } action)
        {
            action();
            return;
        }

        _source.Cancel();
    }
}
