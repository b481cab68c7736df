using System.Runtime.InteropServices;

namespace Shipinator.Cli.Server;

/// <summary>
/// Ctrl-C and SIGTERM. The first Ctrl-C may be taken by a command (<see cref="OnFirst"/>); every other cancels
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

    /// <summary>Canceled when the program is to end.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>What the next Ctrl-C does in place of ending the program, once.</summary>
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
