using System.Collections.Concurrent;
using Shipinator.Testing;

namespace Shipinator.WebFrontend.Tests.Schedules;

/// <summary>A forge whose files the test writes, and whose calls it can hold or let fail.</summary>
internal sealed class ScriptedForge : UnusedForge, IForgeRegistry
{
    private int _now;
    private int _most;

    public override string Provider => "git";

    /// <summary>The text of the pipeline file by clone URL and full ref; null: the ref exists, but has no such file.</summary>
    public ConcurrentDictionary<(string CloneUrl, string Ref), string?> Files { get; } = new();

    /// <summary>Awaited by each reading.</summary>
    public Func<ForgeRepository, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>How many readings there were at the same time, at most.</summary>
    public int Most => _most;

    public void ResetMost() => _most = 0;

    public IForge Get(string provider) => this;

    public override async Task<CommitFile> ReadAt(
        ForgeRepository repository,
        string gitRef,
        string? commit,
        string path,
        CancellationToken cancellationToken
    )
    {
        var now = Interlocked.Increment(ref _now);
        InterlockedMax(now);
        try
        {
            await Before(repository).WaitAsync(cancellationToken);
            return Files.TryGetValue((repository.CloneUrl, gitRef), out var text)
                ? new(
                    new(gitRef, "0123456789abcdef0123456789abcdef01234567", "message", "author"),
                    text ?? throw new ForgeException(ForgeException.FileNotFound, $"{path} does not exist at {gitRef}.")
                )
                : throw new ForgeException(ForgeException.RefNotFound, $"{gitRef} is not a ref of {repository.CloneUrl}.");
        }
        finally
        {
            Interlocked.Decrement(ref _now);
        }
    }

    private void InterlockedMax(int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref _most)) < value && Interlocked.CompareExchange(ref _most, value, seen) != seen)
        {
            // Another reading has raised it meanwhile.
        }
    }
}
