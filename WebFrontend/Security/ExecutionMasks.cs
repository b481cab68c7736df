using System.Collections.Concurrent;
using Shipinator.Client.Masking;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// What must not be read in anything that a runner sends: the secrets of its execution, the credential of its source and its own token.
/// The runner masks them first; here they are masked again, because whoever has the token can send what he likes. Kept in memory for
/// as long as an execution speaks.
/// </summary>
public sealed class ExecutionMasks(
    IGrainFactory grains,
    ISecretSource secrets,
    IGitCredentials credentials,
    IExecutionTokens tokens,
    TimeProvider time
)
{
    private const int PruneFrom = 256;
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(10);
    private readonly ConcurrentDictionary<ExecutionId, Entry> _entries = new();

    /// <summary>The execution's mask. Errors: <see cref="NotFoundException"/> when the execution was never begun.</summary>
    public async Task<ExecutionMask> OfAsync(ExecutionId execution, CancellationToken cancellation)
    {
        if (_entries.TryGetValue(execution, out var entry))
        {
            entry.LastUse = time.GetTimestamp();
            return entry.Mask;
        }

        var spec = (await grains.GetGrain<IExecutionGrain>(execution.Value).Get(cancellation)).Spec;
        var values = spec.Secrets.IsEmpty
            ? []
            : (await secrets.Resolve(spec.Worker.ProjectId, spec.Worker.RepositoryId, spec.Secrets, cancellation)).Values;
        var credential = spec.Worker.Source is { } source ? await credentials.Find(source.CloneUrl, cancellation) : null;
        Prune();
        return _entries
            .GetOrAdd(
                execution,
                _ =>
                    new(new(new SecretSet([.. values, credential?.Password ?? "", tokens.Issue(execution)])))
                    {
                        LastUse = time.GetTimestamp(),
                    }
            )
            .Mask;
    }

    /// <summary>The execution has ended: nothing more comes of it.</summary>
    public void Forget(ExecutionId execution) => _entries.TryRemove(execution, out _);

    private void Prune()
    {
        if (_entries.Count < PruneFrom)
        {
            return;
        }

        foreach (var (execution, entry) in _entries)
        {
            if (time.GetElapsedTime(entry.LastUse) > Forgotten)
            {
                _entries.TryRemove(execution, out _);
            }
        }
    }

    private sealed class Entry(ExecutionMask mask)
    {
        public ExecutionMask Mask { get; } = mask;

        public long LastUse { get; set; }
    }
}

/// <summary>The secrets of one execution, for its texts and, between its chunks, for its log.</summary>
public sealed class ExecutionMask(SecretSet secrets) : ILogMasker
{
    private readonly List<ByteRange> _found = [];
    private SecretScanner _scanner = new(secrets);

    /// <inheritdoc/>
    public long Position => _scanner.Position;

    /// <inheritdoc/>
    public int Reach => secrets.Reach;

    /// <summary>A name or sentence without secrets.</summary>
    public string Hide(string text) => secrets.Mask(text);

    /// <inheritdoc/>
    public void Restart(long position) => _scanner = new(secrets, position);

    /// <inheritdoc/>
    public IReadOnlyList<(long Start, long End)> Feed(ReadOnlySpan<byte> bytes)
    {
        _found.Clear();
        _scanner.Feed(bytes, _found);
        return [.. _found.Select(r => (r.Start, r.End))];
    }
}
