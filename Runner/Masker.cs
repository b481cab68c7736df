using System.Text;
using Shipinator.Client.Masking;

namespace Shipinator.Runner;

/// <summary>Masks secrets in everything that leaves the runner: the log as a stream, names and details one by one.</summary>
internal sealed class Masker
{
    private readonly SecretSet _secrets;
    private readonly StreamMasker _log;
    private readonly Func<bool> _isDropping;

    /// <param name="secrets">What to mask.</param>
    /// <param name="sink">Takes the masked log.</param>
    /// <param name="isDropping">Whether the sink discards everything from now on, so that masking can be skipped.</param>
    public Masker(IEnumerable<string> secrets, Action<ReadOnlyMemory<byte>> sink, Func<bool>? isDropping = null)
    {
        _isDropping = isDropping ?? (() => false);
        _secrets = new(secrets);
        _log = new(_secrets, sink);
    }

    /// <summary>Takes bytes of the log; what may be the beginning of a secret is held back until it is decided.</summary>
    public void Write(ReadOnlyMemory<byte> bytes)
    {
        if (!_isDropping())
        {
            _log.Write(bytes);
        }
    }

    /// <summary>Writes a message of the runner, marked as such.</summary>
    public void WriteLine(string text) => Write(Encoding.UTF8.GetBytes($"[shipinator] {text}\n"));

    /// <summary>Writes the bytes that were held back; call it at the end.</summary>
    public void Flush() => _log.Flush();

    /// <summary>Returns a detail or name without secrets.</summary>
    public string Mask(string text) => _secrets.Mask(text);
}
