using System.Text;
using Microsoft.Extensions.Options;
using Shipinator.Artifacts;
using Shipinator.WebFrontend.Dashboard.Logs;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>How much memory a log takes. The process's memory is measured, so no other test may run meanwhile.</summary>
[Collection(nameof(LogMemoryTests))]
[CollectionDefinition(nameof(LogMemoryTests), DisableParallelization = true)]
public sealed class LogMemoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("ship-lines-").FullName;
    private readonly FileSystemLogStore _store;

    public LogMemoryTests() => _store = new(Options.Create(new FileStoreOptions { Root = _root }), TimeProvider.System);

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task EndlessLine_IsShownInPart_AndDoesNotFillTheMemory()
    {
        var execution = ExecutionId.New(TimeProvider.System);
        var index = new LogIndex(_store, execution);
        var piece = Encoding.UTF8.GetBytes(new string('x', 1_000_000));
        for (var i = 0; i < 20; i++)
        {
            await _store.Append(execution, i * piece.Length, piece, [], default);
        }

        await index.GrowAsync(default);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        Assert.Equal(1, (await index.GrowAsync(default)).Lines);
        var line = Assert.Single(await index.ReadAsync(1, 10, default));
        Assert.EndsWith(
            $"xxx … {20_000_000 - Ansi.MaxDisplayedLength:N0} more characters",
            string.Concat(line.Spans.Select(s => s.Text)),
            StringComparison.Ordinal
        );
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 5_000_000);
    }
}
