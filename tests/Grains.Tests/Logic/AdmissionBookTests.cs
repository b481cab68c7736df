using Shipinator.Grains.Coordination;

namespace Shipinator.Grains.Tests.Logic;

public sealed class AdmissionBookTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static SlotHolder Ask(ProjectId project, int second) =>
        new(ExecutionId.New(TimeProvider.System), project, At.AddSeconds(second));

    [Fact]
    public void Grant_UpToTheLimit_FirstComeFirstServed()
    {
        var project = ProjectId.New(TimeProvider.System);
        var book = new AdmissionBook(2);
        var asks = Enumerable.Range(0, 5).Select(i => Ask(project, i)).ToList();
        asks.AsEnumerable().Reverse().ToList().ForEach(book.Enqueue);
        Assert.Equal(asks.Take(2).Select(a => a.Execution), book.Grant(At).Select(g => g.Execution));
        Assert.Empty(book.Grant(At));
        Assert.Equal(2, book.Ahead(asks[4].Execution));
        book.Remove(asks[0].Execution);
        book.Remove(asks[0].Execution);
        Assert.Equal([asks[2].Execution], book.Grant(At).Select(g => g.Execution));
    }

    [Fact]
    public void Grant_TwoProjects_TheOneThatHoldsFewerSlotsGoesFirst()
    {
        var (crowd, lone) = (ProjectId.New(TimeProvider.System), ProjectId.New(TimeProvider.System));
        var book = new AdmissionBook(2);
        Enumerable.Range(0, 50).Select(i => Ask(crowd, i)).ToList().ForEach(book.Enqueue);
        Assert.Equal(2, book.Grant(At).Count);
        var late = Ask(lone, 1000);
        book.Enqueue(late);
        book.Remove(book.Leases.First().Execution);
        Assert.Equal(late.Execution, Assert.Single(book.Grant(At)).Execution);
    }

    [Fact]
    public void Adopt_BeyondTheLimit_NothingIsGrantedUntilASlotIsFree()
    {
        var project = ProjectId.New(TimeProvider.System);
        var book = new AdmissionBook(1);
        var held = Enumerable.Range(0, 2).Select(i => Ask(project, i)).ToList();
        held.ForEach(book.Adopt);
        book.Enqueue(Ask(project, 9));
        book.Remove(held[0].Execution);
        Assert.Empty(book.Grant(At));
        book.Remove(held[1].Execution);
        Assert.Single(book.Grant(At));
    }
}
