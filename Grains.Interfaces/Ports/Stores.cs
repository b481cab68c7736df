namespace Shipinator;

/// <summary>
/// Logs: byte streams with offsets, one per execution. An acknowledged byte is visible to every later reader on every silo.
/// </summary>
public interface ILogStore
{
    /// <summary>
    /// Appends at an offset. Bytes that exist already are not written again, so that a repeated append changes nothing. Returns the log's
    /// length. Errors: <see cref="ConflictException"/> with code <c>log_gap</c> when the offset is beyond the end, <c>log_sealed</c> when
    /// bytes would be added after the seal. <paramref name="times"/> say when which bytes were printed; bytes without a time were printed
    /// now.
    /// </summary>
    Task<long> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        CancellationToken cancellationToken
    );

    /// <summary>
    /// The same with rules: secrets are masked before a byte is stored, also when their beginning was stored already, and a log that has
    /// reached its limit ends with a line that says so and stores nothing more. For a full log the result has the length that the sender
    /// has reached, so that it continues.
    /// </summary>
    Task<LogAppended> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        LogRules rules,
        CancellationToken cancellationToken
    );

    /// <summary>Seals the log: no further byte can be added. Idempotent; an execution without output gets an empty, sealed log.</summary>
    Task Seal(ExecutionId execution, CancellationToken cancellationToken);

    /// <summary>The length, and whether the log is sealed; length 0 and not sealed when nothing was appended yet.</summary>
    Task<LogInfo> Info(ExecutionId execution, CancellationToken cancellationToken);

    /// <summary>Reads up to <c>buffer.Length</c> bytes from an offset; 0 at the end.</summary>
    Task<int> Read(ExecutionId execution, long offset, Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>
    /// When the bytes from <paramref name="from"/> (inclusive) to <paramref name="to"/> (exclusive) were printed: the mark of the first
    /// of them, and all marks that follow. Empty when that is not known.
    /// </summary>
    Task<IReadOnlyList<LogTime>> Times(ExecutionId execution, long from, long to, CancellationToken cancellationToken);

    /// <summary>
    /// Returns when the log is longer than <paramref name="length"/> or sealed, on whichever silo that happened, or after a short time.
    /// </summary>
    Task WaitForMore(ExecutionId execution, long length, CancellationToken cancellationToken);
}

/// <summary>The bytes of a log from <paramref name="Offset"/> on, until the next mark, were printed at this time.</summary>
public readonly record struct LogTime(long Offset, DateTimeOffset At);

/// <summary>The result of an append: the log's length for its sender, and whether the log is full.</summary>
public readonly record struct LogAppended(long Length, bool IsFull);

/// <summary>Rules for every byte of a log.</summary>
public sealed record LogRules
{
    /// <summary>Everything is stored unchanged.</summary>
    public static LogRules None { get; } = new();

    /// <summary>Finds secrets; null: none are masked.</summary>
    public ILogMasker? Masker { get; init; }

    /// <summary>The limit in bytes; null: none.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>The line that ends a log which has reached the limit.</summary>
    public string FullNotice { get; init; } = "[shipinator] The log has reached its limit; further output is not stored.";
}

/// <summary>Finds secrets in a log that arrives in pieces. A store calls it while it has exclusive access to the log.</summary>
public interface ILogMasker
{
    /// <summary>The offset of the byte that it expects next.</summary>
    long Position { get; }

    /// <summary>How many bytes before an offset it must read again after <see cref="Restart"/> to find the same secrets.</summary>
    int Reach { get; }

    /// <summary>Discards its state and continues at an offset.</summary>
    void Restart(long position);

    /// <summary>Reads the next bytes. Returns the ranges of the log that are secret, which may begin before them.</summary>
    IReadOnlyList<(long Start, long End)> Feed(ReadOnlySpan<byte> bytes);
}

/// <summary>Notifies every silo's log store that a log grew or was sealed, so that its followers read it.</summary>
public interface ILogNotifier
{
    /// <summary>
    /// A log grew, on this or another silo. Notifications may be late, repeated or lost: readers that wait also poll.
    /// </summary>
    event Action<ExecutionId>? Grew;

    /// <summary>Notifies all silos. Never blocks and never fails: it is a hint.</summary>
    void Tell(ExecutionId execution);
}

/// <summary>How long a log is, in bytes, and whether it is complete.</summary>
public sealed record LogInfo(long Length, bool Sealed);

/// <summary>The payloads of artifacts, by id. Immutable once stored.</summary>
public interface IArtifactStore
{
    /// <summary>The name of the backend, an artifact's <c>storage_backend</c>: <c>nfs</c>, <c>s3</c>.</summary>
    string Backend { get; }

    /// <summary>
    /// Stores a stream completely or not at all, with its metadata; verifies the SHA-256 when one is given. Errors:
    /// <see cref="InvalidInputException"/> <c>checksum_mismatch</c>. Storing the same id again with the same bytes returns the same
    /// result; with other bytes: <see cref="ConflictException"/>.
    /// </summary>
    Task<StoredArtifact> Put(
        ArtifactId id,
        ArtifactMetadata metadata,
        Stream content,
        string? expectedSha256,
        CancellationToken cancellationToken
    );

    /// <summary>A seekable stream of the payload; null when it does not exist.</summary>
    Task<Stream?> Open(string storagePath, CancellationToken cancellationToken);

    /// <summary>Removes payload and metadata. Idempotent.</summary>
    Task Delete(string storagePath, CancellationToken cancellationToken);

    /// <summary>
    /// Removes leftovers of interrupted uploads, and payloads without an owner, that are older than <paramref name="before"/>.
    /// <paramref name="orphans"/> returns those of the given artifacts that have no owner. Returns how many were removed.
    /// </summary>
    Task<int> Sweep(
        DateTimeOffset before,
        Func<IReadOnlyList<StoredOwner>, CancellationToken, Task<IReadOnlyList<ArtifactId>>> orphans,
        CancellationToken cancellationToken
    );
}

/// <summary>A stored artifact, and the execution that its metadata names.</summary>
public sealed record StoredOwner(ArtifactId Artifact, ExecutionId Execution);

/// <summary>The artifact stores of this server, by <c>storage_backend</c>.</summary>
public interface IArtifactStores
{
    IReadOnlyCollection<IArtifactStore> All { get; }

    /// <summary>The store of new artifacts.</summary>
    IArtifactStore Current { get; }

    /// <summary>The store of a backend. Errors: <see cref="ConflictException"/> <c>storage_backend_unknown</c>.</summary>
    IArtifactStore Of(string backend);
}

/// <summary>The content of <c>metadata.json</c> next to a payload.</summary>
public sealed record ArtifactMetadata(string Type, string FileName, JobId JobId, ExecutionId ExecutionId, DateTimeOffset CreatedAt);

/// <summary>Where a payload was stored; SHA-256 in lower-case hex; size in bytes.</summary>
public sealed record StoredArtifact(string StoragePath, string Sha256, long Size);
