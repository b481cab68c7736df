using CsCheck;

namespace Shipinator.Tests;

/// <summary>
/// Random walks over every machine: what is true after any sequence of events, allowed or not, in any order, under any clock.
/// </summary>
public sealed class LifecycleTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 0, 0, 0, TimeSpan.Zero);
    private static readonly RunId Run = RunId.Parse("01890a5d-ac96-774b-bcce-b302099a8057");

    private static readonly Gen<Machine> Machines = Gen.Enum<Machine>();

    /// <summary>An event: where to, at a clock that may also run backwards, why.</summary>
    private static readonly Gen<(Status To, int Seconds, Reason? Reason, string? Detail)[]> Events = Gen.Select(
        Gen.Enum<Status>(),
        Gen.Int[-100, 100],
        Gen.OneOf(Gen.Const((Reason?)null), Gen.Enum<Reason>().Select(r => (Reason?)r)),
        Gen.OneOf(Gen.Const((string?)null), Gen.String.Select(s => (string?)s))
    ).Array[0, 12];

    [Fact]
    public void MoveTo_AnySequence_NeverLeavesTheTable() =>
        Gen.Select(Machines, Events)
            .Sample(
                (machine, events) =>
                {
                    var life = Lifecycle.Begin(machine, Start);
                    foreach (var (to, seconds, reason, detail) in events)
                    {
                        var before = life;
                        life = Try(life, to, Start.AddSeconds(seconds), reason, detail, out var refused);
                        if (to == before.Status)
                        {
                            Assert.False(refused);
                            Assert.Same(before, life);
                        }
                        else if (refused)
                        {
                            Assert.False(StateMachines.Allows(machine, before.Status, to));
                            Assert.Same(before, life);
                        }
                        else
                        {
                            Assert.True(StateMachines.Allows(machine, before.Status, to));
                            Assert.Equal(to, life.Status);
                            Assert.Equal(reason, life.Reason);
                            Assert.Equal(detail, life.Detail);
                            Assert.Equal(before.Sequence + 1, life.Sequence);
                        }

                        Assert.Equal(machine, life.Machine);
                    }
                }
            );

    [Fact]
    public void MoveTo_EveryEventTwice_HasTheSameResult() =>
        Gen.Select(Machines, Events)
            .Sample(
                (machine, events) =>
                {
                    var once = Lifecycle.Begin(machine, Start);
                    var twice = once;
                    foreach (var (to, seconds, reason, detail) in events)
                    {
                        once = Try(once, to, Start.AddSeconds(seconds), reason, detail, out _);
                        twice = Try(twice, to, Start.AddSeconds(seconds), reason, detail, out _);
                        twice = Try(twice, to, Start.AddSeconds(seconds + 50), Reason.Lost, "again", out _);
                    }

                    Assert.Equal(once, twice);
                }
            );

    [Fact]
    public void MoveTo_OnceTerminal_NeverChanges() =>
        Gen.Select(Machines, Events, Events)
            .Sample(
                (machine, first, then) =>
                {
                    var end = first.Aggregate(
                        Lifecycle.Begin(machine, Start),
                        (l, e) => Try(l, e.To, Start.AddSeconds(e.Seconds), e.Reason, e.Detail, out _)
                    );
                    if (!end.IsTerminal)
                    {
                        end = end.MoveTo(Status.Failed, Start.AddSeconds(200), Reason.Timeout);
                    }

                    foreach (var (to, seconds, reason, detail) in then)
                    {
                        Assert.Same(end, Try(end, to, Start.AddSeconds(seconds), reason, detail, out var refused));
                        Assert.Equal(to != end.Status, refused);
                    }
                }
            );

    [Fact]
    public void Times_UnderAnyClock_NeverRunBackwards() =>
        Gen.Select(Machines, Events)
            .Sample(
                (machine, events) =>
                {
                    var life = Lifecycle.Begin(machine, Start);
                    foreach (var (to, seconds, reason, detail) in events)
                    {
                        var before = life;
                        life = Try(life, to, Start.AddSeconds(seconds), reason, detail, out _);
                        Assert.True(life.ChangedAt >= before.ChangedAt);
                        Assert.Equal(Start, life.CreatedAt);
                        Assert.True(life.StartedAt is null || life.StartedAt >= life.CreatedAt);
                        Assert.True(before.StartedAt is null || before.StartedAt == life.StartedAt);
                        Assert.Equal(life.IsTerminal, life.FinishedAt is not null);
                        Assert.True(life.FinishedAt is null || life.FinishedAt >= (life.StartedAt ?? life.CreatedAt));
                        Assert.True(life.Status != Status.Running || life.StartedAt == life.ChangedAt);
                    }
                }
            );

    [Fact]
    public void Fold_RecordedTransitions_GiveTheCurrentLifecycle() =>
        Gen.Select(Machines, Events, Gen.Guid)
            .Sample(
                (machine, events, entity) =>
                {
                    var life = Lifecycle.Begin(machine, Start);
                    var history = new List<Transition> { Transition.Between(null, life, entity, Run, "system")! };
                    foreach (var (to, seconds, reason, detail) in events)
                    {
                        var next = Try(life, to, Start.AddSeconds(seconds), reason, detail, out _);
                        if (Transition.Between(life, next, entity, Run, "runner") is { } transition)
                        {
                            history.Add(transition);
                        }

                        life = next;
                    }

                    Assert.Equal(life, history.Aggregate((Lifecycle?)null, Lifecycle.Fold));
                    Assert.Equal(Enumerable.Range(1, history.Count), history.Select(t => t.Sequence));
                    Assert.Equal(life.Sequence, history.Count);
                    Assert.All(history, t => Assert.Equal((entity, Run, machine), (t.EntityId, t.RunId, t.Machine)));
                }
            );

    [Fact]
    public void Fold_HistoryWithAGap_IsRejected()
    {
        var pending = Lifecycle.Begin(Machine.Execution, Start);
        var submitted = pending.MoveTo(Status.Submitted, Start);
        var running = submitted.MoveTo(Status.Running, Start);
        var late = Transition.Between(submitted, running, Run.Value, Run, "runner")!;

        Assert.Equal("history_broken", Assert.Throws<InvalidInputException>(() => Lifecycle.Fold(null, late)).Code);
        Assert.Equal("history_broken", Assert.Throws<InvalidInputException>(() => Lifecycle.Fold(pending, late)).Code);
        Assert.Equal(
            "history_broken",
            Assert.Throws<InvalidInputException>(() => Lifecycle.Fold(submitted, late with { Machine = Machine.Run })).Code
        );
        Assert.Equal(running, Lifecycle.Fold(submitted, late));
    }

    [Fact]
    public void Between_UnchangedLifecycle_IsNull()
    {
        var life = Lifecycle.Begin(Machine.Job, Start);
        Assert.Null(Transition.Between(life, life.MoveTo(Status.Pending, Start.AddSeconds(1)), Run.Value, Run, "system"));
    }

    [Fact]
    public void MoveTo_NotInTheTable_NamesMachineFromAndTo()
    {
        var error = Assert.Throws<TransitionRefusedException>(() => Lifecycle.Begin(Machine.Run, Start).MoveTo(Status.Success, Start));
        Assert.Equal((Machine.Run, Status.Pending, Status.Success), (error.Machine, error.From, error.To));
        Assert.Equal("A run can't change from pending to success.", error.Message);
    }

    [Fact]
    public void Restore_AnyLifecycle_IsEqual() =>
        Gen.Select(Machines, Events)
            .Sample(
                (machine, events) =>
                {
                    var life = events.Aggregate(
                        Lifecycle.Begin(machine, Start),
                        (l, e) => Try(l, e.To, Start.AddSeconds(e.Seconds), e.Reason, e.Detail, out _)
                    );
                    Assert.Equal(
                        life,
                        Lifecycle.Restore(
                            life.Machine,
                            life.Status,
                            life.Reason,
                            life.Detail,
                            life.CreatedAt,
                            life.StartedAt,
                            life.FinishedAt,
                            life.ChangedAt,
                            life.Sequence
                        )
                    );
                }
            );

    private static Lifecycle Try(Lifecycle life, Status to, DateTimeOffset at, Reason? reason, string? detail, out bool refused)
    {
        try
        {
            refused = false;
            return life.MoveTo(to, at, reason, detail);
        }
        catch (TransitionRefusedException)
        {
            refused = true;
            return life;
        }
    }
}
