using CsCheck;
using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Dashboard.Features.Runs;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>A run as it was after some of its transitions.</summary>
public sealed class RunMomentTests
{
    private static readonly Gen<Status[]> States = Gen.OneOf<Status[]>(
        [Status.Pending],
        [Status.Pending, Status.Running],
        [Status.Pending, Status.Running, Status.Success],
        [Status.Pending, Status.Running, Status.Failed],
        [Status.Pending, Status.Canceled],
        [Status.Pending, Status.Skipped]
    );

    /// <summary>Transitions of several steps, interleaved in any order: each prefix of the history shows the states up to there.</summary>
    [Fact]
    public void Moments_OfAnyHistory_ShowTheStatesUpToThere() =>
        Gen.Select(States.Array[1, 6], Gen.Int[0, 1000].Array[30])
            .Sample(
                (sequences, order) =>
                {
                    var steps = sequences.Select((l, i) => Given.Step($"s{i}", l[^1], i)).ToArray();
                    var (run, job) = (Given.Run(), Given.Job("j", Status.Running, steps));
                    var queues = sequences.Select((l, i) => (Id: steps[i].Id.Value, Left: new Queue<Status>(l))).ToList();
                    var history = new List<HistoryEntry>();
                    for (var at = 0; queues.Any(q => q.Left.Count > 0); at++)
                    {
                        var open = queues.Where(q => q.Left.Count > 0).ToList();
                        var (id, left) = open[order[at % order.Length] % open.Count];
                        history.Add(
                            new(
                                "c",
                                new()
                                {
                                    Machine = Machine.Step,
                                    EntityId = id,
                                    RunId = run.Id,
                                    Sequence = 1,
                                    At = Given.Noon.AddSeconds(at),
                                    To = left.Dequeue(),
                                    Actor = "system",
                                }
                            )
                        );
                    }

                    for (var count = 0; count <= history.Count; count++)
                    {
                        var moment = RunMoment.At(run, [job], history, count).Jobs.Single();
                        foreach (var step in moment.Steps)
                        {
                            var past = history.Take(count).Select(h => h.Transition).Where(t => t.EntityId == step.Id.Value).ToList();
                            Assert.Equal(past.Count == 0 ? Status.Pending : past[^1].To, step.Status);
                            Assert.Equal(past.FirstOrDefault(t => t.To == Status.Running)?.At, step.StartedAt);
                            Assert.Equal(past.FirstOrDefault(t => t.To.IsTerminal())?.At, step.FinishedAt);
                        }
                    }

                    Assert.Equal(
                        steps.Select(s => s.Status),
                        RunMoment.At(run, [job], history, history.Count).Jobs.Single().Steps.Select(s => s.Status)
                    );
                }
            );

    [Fact]
    public void Moment_BeforeALaterAttempt_DoesNotContainIt()
    {
        var (first, second) = (Given.Step("s", Status.Failed), Given.Step("s", Status.Success, attempt: 2));
        var (run, job) = (Given.Run(), Given.Job("j", Status.Success, first, second));
        var history = new List<HistoryEntry>
        {
            Line(first, Status.Running),
            Line(first, Status.Failed),
            Line(second, Status.Pending),
            Line(second, Status.Running),
        };
        Assert.Equal((1, 1), Shape(2));
        Assert.Equal((2, 2), Shape(4));

        (int Attempt, int Steps) Shape(int count) =>
            RunMoment.At(run, [job], history, count).Jobs.Single() is var j ? (j.Attempt, j.Steps.Count) : default;
        HistoryEntry Line(StepView step, Status to) =>
            new(
                "c",
                new()
                {
                    Machine = Machine.Step,
                    EntityId = step.Id.Value,
                    RunId = run.Id,
                    Sequence = 1,
                    At = Given.Noon,
                    To = to,
                    Actor = "system",
                }
            );
    }
}
