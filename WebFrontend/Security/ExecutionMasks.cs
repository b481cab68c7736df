using System.Collections.Concurrent;
using Shipinator.Client.Masking;
using Shipinator.Triggers.Secrets;

namespace Shipinator.WebFrontend.Security;

/// <summary>
/// What must not be readable in anything that a runner sends: the secrets of its execution, the credential of its source and its own token.
/// The runner masks them first; they are masked again here, because a holder of the token can send anything. The secrets are those that the
/// claim gave to the runner; a server that did not serve the claim masks every value that the claim may have given, including those that
/// were replaced or removed since. Kept in memory while the execution is active.
/// </summary>
public sealed class ExecutionMasks(
    IGrainFactory grains,
    ISecretSource secrets,
    RepositoryCredentials credentials,
    IExecutionTokens tokens,
    TimeProvider time
)
{
    private const int PruneFrom = 256;
    private static readonly TimeSpan UnusedLife = TimeSpan.FromMinutes(10);
    private readonly ConcurrentDictionary<ExecutionId, Entry> _entries = new();

    /// <summary>The mask of an execution. Errors: <see cref="NotFoundException"/> when the execution was never started.</summary>
    public async Task<ExecutionMask> OfAsync(ExecutionId execution, CancellationToken cancellation)
    {
        if (_entries.TryGetValue(execution, out var entry))
        {
            entry.LastUse = time.GetTimestamp();
            return entry.Mask;
        }

        var spec = (await grains.GetGrain<IExecutionGrain>(execution.Value).Get(cancellation)).Spec;
        var values = spec.Secrets.IsEmpty ? [] : await secrets.ValuesToMask(SecretRequest.Of(spec), cancellation);
        var passwords = spec.Worker.Source is { } source
            ? await credentials.ValuesToMask(spec.Worker.RepositoryId, source.CloneUrl, cancellation)
            : [];
        Prune();
        return _entries.GetOrAdd(execution, _ => NewEntry(execution, [.. values, .. passwords])).Mask;
    }

    /// <summary>
    /// A claim gives the runner these secrets and this credential: they are masked from now on. What an earlier claim gave stays masked.
    /// </summary>
    public void Claimed(ExecutionId execution, IEnumerable<string> values, GitCredential? credential)
    {
        ArgumentNullException.ThrowIfNull(values);
        HashSet<string> given = [.. values, credential?.Password ?? ""];
        Prune();
        _entries.AddOrUpdate(
            execution,
            _ => NewEntry(execution, given),
            (_, known) => given.IsSubsetOf(known.Values) ? known : NewEntry(execution, [.. known.Values, .. given])
        );
    }

    /// <summary>The execution has ended and sends nothing more.</summary>
    public void Forget(ExecutionId execution) => _entries.TryRemove(execution, out _);

    private Entry NewEntry(ExecutionId execution, HashSet<string> values) =>
        new(values, new(new SecretSet([.. values, tokens.Issue(execution)]))) { LastUse = time.GetTimestamp() };

    private void Prune()
    {
        if (_entries.Count < PruneFrom)
        {
            return;
        }

        foreach (var (execution, entry) in _entries)
        {
            if (time.GetElapsedTime(entry.LastUse) > UnusedLife)
            {
                _entries.TryRemove(execution, out _);
            }
        }
    }

    private sealed class Entry(HashSet<string> values, ExecutionMask mask)
    {
        public HashSet<string> Values { get; } = values;

        public ExecutionMask Mask { get; } = mask;

        public long LastUse { get; set; }
    }
}

/// <summary>Masks the secrets of one execution in its texts and, across the borders of chunks, in its log.</summary>
public sealed class ExecutionMask(SecretSet secrets) : ILogMasker
{
    private readonly List<ByteRange> _found = [];
    private SecretScanner _scanner = new(secrets);

    /// <inheritdoc/>
    public long Position => _scanner.Position;

    /// <inheritdoc/>
    public int Reach => secrets.Reach;

    /// <summary>A text with its secrets masked.</summary>
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
