using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Shipinator.Artifacts.Tests;

/// <summary>Artifacts in the specification's layout.</summary>
public sealed class ArtifactStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-artifacts-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Put_LiesInAFolderNamedByItsIdWithMetadata()
    {
        var (store, id, bytes) = (Store(), ArtifactId.New(TimeProvider.System), RandomNumberGenerator.GetBytes(200_000));
        var stored = await store.Put(id, Metadata(), new MemoryStream(bytes), null, default);

        Assert.Equal(bytes, await File.ReadAllBytesAsync(Path.Combine(_root, "artifacts", id.ToString(), "payload")));
        Assert.Contains(stored.Sha256, await File.ReadAllTextAsync(Path.Combine(_root, "artifacts", id.ToString(), "metadata.json")), StringComparison.Ordinal);
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
        var error = await Assert.ThrowsAsync<InvalidInputException>(() => store.Put(id, Metadata(), new MemoryStream([1, 2, 3]), new string('0', 64), default));
        Assert.Equal("checksum_mismatch", error.Code);
        Assert.False(Directory.Exists(Path.Combine(_root, "artifacts", id.ToString())));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_root, "artifacts", ".incoming")));
    }

    [Fact]
    public async Task Put_TheSameIdAgain_AnswersTheSameOrRefusesOtherContent()
    {
        var (store, id) = (Store(), ArtifactId.New(TimeProvider.System));
        var first = await store.Put(id, Metadata(), new MemoryStream([1, 2, 3]), null, default);
        Assert.Equal(first, await store.Put(id, Metadata(), new MemoryStream([1, 2, 3]), null, default));
        Assert.Equal("artifact_exists", (await Assert.ThrowsAsync<ConflictException>(() => store.Put(id, Metadata(), new MemoryStream([4]), null, default))).Code);
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a8057/../payload")]
    [InlineData("/etc/passwd")]
    public async Task Open_APathThatIsNotOurs_IsRefused(string path) =>
        await Assert.ThrowsAsync<InvalidInputException>(() => Store().Open(path, default));

    private FileSystemArtifactStore Store() => new(Options.Create(new FileStoreOptions { Root = _root }));

    private static ArtifactMetadata Metadata() =>
        new("binary", "bin/app", JobId.New(TimeProvider.System), ExecutionId.New(TimeProvider.System), TimeProvider.System.GetUtcNow());
}
