namespace Shipinator;

/// <summary>
/// Logs: byte streams with offsets, one per execution. A byte once acknowledged is there for every later reader, on
/// every silo.
/// </summary>
public interface ILogStore
{
    /// <summary>
    /// Appends at an offset. Bytes that are already there are not written again, so that a repeated append changes
    /// nothing. Returns the log's length. Errors: <see cref="ConflictException"/> with code <c>log_gap</c> when the offset
    /// is beyond the end, <c>log_sealed</c> when bytes would be added after the seal. <paramref name="times"/> say when which
    /// bytes were printed; bytes for which none speaks were printed now.
    /// </summary>
    Task<long> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        CancellationToken cancellationToken
    );

    /// <summary>
    /// The same, under rules: secrets are made unreadable before a byte is stored, also when their beginning was stored already, and a
    /// log that has reached its limit ends with a line that says so and takes nothing more. A log that is full answers with the length
    /// that the sender has reached, so that it goes on.
    /// </summary>
    Task<LogAppended> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        LogRules rules,
        CancellationToken cancellationToken
    );

    /// <summary>No byte will be added any more. Idempotent; an execution without output gets an empty, sealed log.</summary>
    Task Seal(ExecutionId execution, CancellationToken cancellationToken);

    /// <summary>Length and whether it is sealed; length 0, not sealed, when nothing came yet.</summary>
    Task<LogInfo> Info(ExecutionId execution, CancellationToken cancellationToken);

    /// <summary>Reads up to <c>buffer.Length</c> bytes from an offset; 0 at the end.</summary>
    Task<int> Read(ExecutionId execution, long offset, Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>
    /// When the bytes from <paramref name="from"/> to before <paramref name="to"/> were printed: the mark that speaks for the
    /// first of them, and all that follow. Empty when that is not known.
    /// </summary>
    Task<IReadOnlyList<LogTime>> Times(ExecutionId execution, long from, long to, CancellationToken cancellationToken);

    /// <summary>Returns when the log is longer than <paramref name="length"/> or sealed, whichever silo did it, or after a short while.</summary>
    Task WaitForMore(ExecutionId execution, long length, CancellationToken cancellationToken);
}

/// <summary>The bytes of a log from <paramref name="Offset"/> on, until the next mark, were printed at this time.</summary>
public readonly record struct LogTime(long Offset, DateTimeOffset At);

/// <summary>What becomes of an append: how far the log has come for its sender, and whether it is full.</summary>
public readonly record struct LogAppended(long Length, bool IsFull);

/// <summary>What holds for every byte of a log.</summary>
public sealed record LogRules
{
    /// <summary>Everything is stored as it comes.</summary>
    public static LogRules None { get; } = new();

    /// <summary>Finds what must not be read.</summary>
    public ILogMasker? Masker { get; init; }

    /// <summary>How many bytes are kept; null: all.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>The line that ends a log which has reached the limit.</summary>
    public string FullNotice { get; init; } = "[shipinator] The log has reached its limit; what follows is not kept.";
}

/// <summary>Finds secrets in a log that comes in pieces. A store calls it while it holds the log alone.</summary>
public interface ILogMasker
{
    /// <summary>The place of the byte that it expects next.</summary>
    long Position { get; }

    /// <summary>How many bytes before a place it must see again to know what it knew.</summary>
    int Reach { get; }

    /// <summary>Forgets everything; goes on from a place.</summary>
    void Restart(long position);

    /// <summary>Takes the next bytes. Returns the ranges of the log that are secret, which may begin before them.</summary>
    IReadOnlyList<(long Start, long End)> Feed(ReadOnlySpan<byte> bytes);
}

/// <summary>Tells every silo's log store that a log grew or was sealed, so that who follows it there comes and reads.</summary>
public interface ILogNews
{
    /// <summary>A log grew, here or on another silo. News may come late, twice, or be lost: who waits looks by itself, too.</summary>
    event Action<ExecutionId>? Grew;

    /// <summary>Tells all silos. Never blocks, never fails: it is a hint.</summary>
    void Tell(ExecutionId execution);
}

/// <summary>How long a log is, in bytes, and whether it is complete.</summary>
public sealed record LogInfo(long Length, bool Sealed);

/// <summary>The bytes of artifacts, by id. Immutable once stored.</summary>
public interface IArtifactStore
{
    /// <summary>The name of the backend, an artifact's <c>storage_backend</c>: <c>nfs</c>, <c>s3</c>.</summary>
    string Backend { get; }

    /// <summary>
    /// Stores a stream whole or not at all, with its metadata beside it; checks the SHA-256 when one is given.
    /// Errors: <see cref="InvalidInputException"/> <c>checksum_mismatch</c>. Storing the same id again with the same
    /// bytes answers as the first time; with others: <see cref="ConflictException"/>.
    /// </summary>
    Task<StoredArtifact> Put(
        ArtifactId id,
        ArtifactMetadata metadata,
        Stream content,
        string? expectedSha256,
        CancellationToken cancellationToken
    );

    /// <summary>A seekable stream of the payload, or null when it is not there.</summary>
    Task<Stream?> Open(string storagePath, CancellationToken cancellationToken);

    /// <summary>Removes payload and metadata. Idempotent.</summary>
    Task Delete(string storagePath, CancellationToken cancellationToken);

    /// <summary>
    /// Removes what uploads that broke off left, and payloads that nobody owns, when they are older than a moment.
    /// <paramref name="orphans"/> is given some artifacts and answers which of them have no owner. Returns how many were removed.
    /// </summary>
    Task<int> Sweep(
        DateTimeOffset before,
        Func<IReadOnlyList<StoredOwner>, CancellationToken, Task<IReadOnlyList<ArtifactId>>> orphans,
        CancellationToken cancellationToken
    );
}

/// <summary>A stored artifact, and which execution its metadata says that it is of.</summary>
public sealed record StoredOwner(ArtifactId Artifact, ExecutionId Execution);

/// <summary>The artifact stores of this server, by the name that an artifact's <c>storage_backend</c> says.</summary>
public interface IArtifactStores
{
    /// <summary>All of them.</summary>
    IReadOnlyCollection<IArtifactStore> All { get; }

    /// <summary>Where new artifacts go.</summary>
    IArtifactStore Current { get; }

    /// <summary>The one that holds an artifact. Errors: <see cref="ConflictException"/> <c>storage_backend_unknown</c>.</summary>
    IArtifactStore Of(string backend);
}

/// <summary>What lies beside a payload in <c>metadata.json</c>.</summary>
public sealed record ArtifactMetadata(string Type, string FileName, JobId JobId, ExecutionId ExecutionId, DateTimeOffset CreatedAt);

/// <summary>Where a payload was stored; SHA-256 in lower-case hex; size in bytes.</summary>
public sealed record StoredArtifact(string StoragePath, string Sha256, long Size);
