using System.Text;
using Shipinator.Client.Masking;

namespace Shipinator.Runner;

/// <summary>Everything that leaves the runner goes through it: the log as a stream, names and sentences one by one.</summary>
internal sealed class Masker
{
    private readonly SecretSet _secrets;
    private readonly StreamMasker _log;

    public Masker(IEnumerable<string> secrets, Action<ReadOnlyMemory<byte>> sink)
    {
        _secrets = new(secrets);
        _log = new(_secrets, sink);
    }

    /// <summary>Takes bytes of the log; passes on what is decided.</summary>
    public void Write(ReadOnlyMemory<byte> bytes) => _log.Write(bytes);

    /// <summary>A line of the runner's own.</summary>
    public void Say(string text) => Write(Encoding.UTF8.GetBytes($"[shipinator] {text}\n"));

    /// <summary>Nothing follows: what was held back goes out.</summary>
    public void Flush() => _log.Flush();

    /// <summary>A sentence or name without secrets.</summary>
    public string Hide(string text) => _secrets.Mask(text);
}
