using System.Collections.Immutable;
using Bunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using MudBlazor.Services;
using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Dashboard.Features.Runs;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>The history of a run: when it is read, and how the slider moves in it.</summary>
public sealed class RunHistoryTests : BunitContext
{
    [Fact]
    public async Task UnchangedRun_IsReadOnce()
    {
        var readings = 0;
        var history = new RunHistory(_ => Task.FromResult(Lines(++readings)));
        var run = Snapshot();
        await history.FollowAsync(run);
        await history.FollowAsync(run);
        Assert.Single(history.Entries);
        await history.FollowAsync(run with { });
        Assert.Equal(2, history.Entries.Count);
    }

    [Fact]
    public async Task DatabaseUnavailable_KeepsTheEntries_AndReadsAgain()
    {
        var isUnavailable = false;
        var history = new RunHistory(_ => isUnavailable ? throw new StorageUnavailableException("unavailable") : Task.FromResult(Lines(3)));
        var run = Snapshot();
        await history.FollowAsync(run);
        isUnavailable = true;
        var later = run with { };
        await history.FollowAsync(later);
        Assert.Equal(3, history.Entries.Count);
        Assert.IsType<StorageUnavailableException>(history.Error);
        isUnavailable = false;
        await history.FollowAsync(later);
        Assert.Null(history.Error);
    }

    [Fact]
    public async Task RunThatChangesDuringARead_IsReadAgain_AndAnotherRunStartsEmpty()
    {
        var results = new Queue<TaskCompletionSource<IReadOnlyList<HistoryEntry>>>([new(), new(), new()]);
        var reads = new List<(RunId Run, TaskCompletionSource<IReadOnlyList<HistoryEntry>> Result)>();
        var history = new RunHistory(id =>
        {
            reads.Add((id, results.Dequeue()));
            return reads[^1].Result.Task;
        });
        var run = Snapshot();
        var reading = history.FollowAsync(run);
        await history.FollowAsync(run with { });
        reads[0].Result.SetResult(Lines(1));
        var other = Snapshot();
        await history.FollowAsync(other);
        reads[1].Result.SetResult(Lines(2));
        Assert.Empty(history.Entries);
        reads[2].Result.SetResult(Lines(7));
        await reading;
        Assert.Equal([run.Run.Id, run.Run.Id, other.Run.Id], reads.Select(a => a.Run));
        Assert.Equal(7, history.Entries.Count);
    }

    [Fact]
    public void Debouncer_RunsOnlyTheLastAction()
    {
        var time = new FakeTimeProvider();
        var done = new List<int>();
        using var debouncer = new Debouncer(
            time,
            TimeSpan.FromSeconds(1),
            restartsDelay: false,
            action =>
            {
                action();
                return Task.CompletedTask;
            }
        );
        foreach (var value in new[] { 1, 2, 3, 4 })
        {
            debouncer.Schedule(() => done.Add(value));
            time.Advance(TimeSpan.FromMilliseconds(200));
        }

        Assert.Empty(done);
        time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal([4], done);
        debouncer.Schedule(() => done.Add(9));
        debouncer.Cancel();
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([4], done);
    }

    [Fact]
    public void Slider_OfALongHistory_KeepsItsThumb_AndRendersOnlyNearbyRows()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        var moves = new List<int?>();
        var slider = Render<HistorySlider>(p =>
            p.Add(s => s.History, Lines(2000))
                .Add(s => s.At, 5)
                .Add(s => s.Requested, 9)
                .Add(s => s.Moved, moves.Add)
                .Add(s => s.Link, at => $"?at={at}")
                .Add(s => s.Run, Given.Run())
                .Add(s => s.Jobs, [])
        );
        Assert.Equal("9", slider.Find("[data-testid=slider]").GetAttribute("value"));
        Assert.StartsWith("5 of 2000", slider.Find("[data-testid=moment]").TextContent, StringComparison.Ordinal);
        Assert.Empty(slider.FindAll("tbody tr"));
        slider.Find("[data-testid=slider]").Input("17");
        Assert.Equal([17], moves);
        slider.Find("details").TriggerEvent("ontoggle", EventArgs.Empty);
        Assert.Equal(HistoryTable.MaxRows, slider.FindAll("tbody tr").Count);
        Assert.Single(slider.FindAll("tr.at"));
    }

    [Fact]
    public void Slider_WithoutHistory_ShowsLoading()
    {
        Services.AddMudServices();
        var slider = Render<HistorySlider>(p =>
            p.Add(s => s.History, [])
                .Add(s => s.Moved, _ => { })
                .Add(s => s.Link, _ => "")
                .Add(s => s.Run, Given.Run())
                .Add(s => s.Jobs, [])
        );
        Assert.NotNull(slider.Find("section [role=status]"));
    }

    private static RunSnapshot Snapshot() => new(Given.Run(), [], ImmutableDictionary<Guid, WaitReason>.Empty, null);

    private static IReadOnlyList<HistoryEntry> Lines(int count) =>
        [
            .. Enumerable
                .Range(1, count)
                .Select(i => new HistoryEntry(
                    $"{i}",
                    new Transition
                    {
                        Machine = Machine.Run,
                        EntityId = Guid.Empty,
                        RunId = default,
                        Sequence = i,
                        At = Given.Noon.AddSeconds(i),
                        From = Status.Pending,
                        To = Status.Running,
                        Actor = "system",
                    }
                )),
        ];
}
