using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts.Tests;

/// <summary>Artifacts in the specification's layout.</summary>
public sealed class ArtifactStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-artifacts-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Put_CreatesAFolderNamedByItsIdWithMetadata()
    {
        var (store, id, bytes) = (Store(), ArtifactId.New(TimeProvider.System), RandomNumberGenerator.GetBytes(200_000));
        var stored = await store.Put(id, Metadata(), new MemoryStream(bytes), null, default);

        Assert.Equal(bytes, await File.ReadAllBytesAsync(Path.Combine(_root, "artifacts", id.ToString(), "payload")));
        Assert.Contains(
            stored.Sha256,
            await File.ReadAllTextAsync(Path.Combine(_root, "artifacts", id.ToString(), "metadata.json")),
            StringComparison.Ordinal
        );
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), stored.Sha256);
        Assert.Equal(bytes.Length, stored.Size);
        await using var stream = await store.Open(stored.StoragePath, default);
        Assert.True(stream!.CanSeek);
        await store.Delete(stored.StoragePath, default);
        Assert.Null(await store.Open(stored.StoragePath, default));
    }

    [Fact]
    public async Task Put_WithAnotherChecksum_LeavesNothing()
    {
        var (store, id) = (Store(), ArtifactId.New(TimeProvider.System));
        var error = await Assert.ThrowsAsync<InvalidInputException>(() =>
            store.Put(id, Metadata(), new MemoryStream([1, 2, 3]), new string('0', 64), default)
        );
        Assert.Equal("checksum_mismatch", error.Code);
        Assert.False(Directory.Exists(Path.Combine(_root, "artifacts", id.ToString())));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_root, "artifacts", ".incoming")));
    }

    [Fact]
    public async Task Put_TheSameIdAgain_ReturnsTheSameOrRefusesOtherContent()
    {
        var (store, id) = (Store(), ArtifactId.New(TimeProvider.System));
        var first = await store.Put(id, Metadata(), new MemoryStream([1, 2, 3]), null, default);
        Assert.Equal(first, await store.Put(id, Metadata(), new MemoryStream([1, 2, 3]), null, default));
        Assert.Equal(
            "artifact_exists",
            (await Assert.ThrowsAsync<ConflictException>(() => store.Put(id, Metadata(), new MemoryStream([4]), null, default))).Code
        );
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a8057/../payload")]
    [InlineData("/etc/passwd")]
    public async Task Open_AnInvalidPath_IsRefused(string path) =>
        await Assert.ThrowsAsync<InvalidInputException>(() => Store().Open(path, default));

    [Fact]
    public async Task Sweep_RemovesOldArtifactsWithoutOwner_AndNothingElse()
    {
        var store = Store();
        var (owned, orphan, young, foreign) = (
            ArtifactId.New(TimeProvider.System),
            ArtifactId.New(TimeProvider.System),
            ArtifactId.New(TimeProvider.System),
            ArtifactId.New(TimeProvider.System)
        );
        foreach (var id in new[] { owned, orphan, young, foreign })
        {
            await store.Put(id, Metadata(), new MemoryStream([1]), null, default);
        }

        string Folder(ArtifactId id) => Path.Combine(_root, "artifacts", id.ToString());
        var (broken, uploading) = (
            Path.Combine(_root, "artifacts", ".incoming", "broken"),
            Path.Combine(_root, "artifacts", ".incoming", "uploading")
        );
        Directory.CreateDirectory(broken);
        await File.WriteAllTextAsync(Path.Combine(broken, "payload"), "half");
        Directory.CreateDirectory(uploading);
        Directory.CreateDirectory(Path.Combine(_root, "artifacts", "lost+found"));
        await File.WriteAllTextAsync(Path.Combine(Folder(foreign), "metadata.json"), "{}");
        var now = TimeProvider.System.GetUtcNow();
        foreach (
            var old in new[] { Folder(owned), Folder(orphan), Folder(foreign), broken, Path.Combine(_root, "artifacts", "lost+found") }
        )
        {
            Directory.SetLastWriteTimeUtc(old, now.AddDays(-2).UtcDateTime);
        }

        var asked = new List<ArtifactId>();
        var removed = await store.Sweep(
            now.AddDays(-1),
            (stored, _) =>
            {
                asked.AddRange(stored.Select(s => s.Artifact));
                return Task.FromResult<IReadOnlyList<ArtifactId>>([.. stored.Select(s => s.Artifact).Where(a => a != owned)]);
            },
            default
        );

        Assert.Equal(2, removed);
        Assert.Equal([owned, orphan], asked.OrderBy(a => a.Value));
        Assert.True(
            Directory.Exists(Folder(owned))
                && Directory.Exists(Folder(young))
                && Directory.Exists(Folder(foreign))
                && Directory.Exists(uploading)
        );
        Assert.False(Directory.Exists(Folder(orphan)) || Directory.Exists(broken));
    }

    [Fact]
    public void Of_AnUnknownStore_NamesItAndTheKnownOnes()
    {
        var stores = new ArtifactStores([Store()]);
        Assert.Same(stores.Current, stores.Of("nfs"));
        var error = Assert.Throws<ConflictException>(() => stores.Of("s3"));
        Assert.Equal("storage_backend_unknown", error.Code);
        Assert.Contains("'s3'", error.Message, StringComparison.Ordinal);
        Assert.Contains("nfs", error.Message, StringComparison.Ordinal);
    }

    private FileSystemArtifactStore Store() => new(Options.Create(new FileStoreOptions { Root = _root }));

    private static ArtifactMetadata Metadata() =>
        new("binary", "bin/app", JobId.New(TimeProvider.System), ExecutionId.New(TimeProvider.System), TimeProvider.System.GetUtcNow());
}
