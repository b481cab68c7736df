using Shipinator.Triggers;
using Shipinator.Triggers.Schedules;

namespace Shipinator.WebFrontend.Tests.Schedules;

/// <summary>Each due time has one run, whatever happens to the servers, the forge and the clock.</summary>
public sealed class ScheduleFiringTests(ScheduleCluster cluster) : IClassFixture<ScheduleCluster>
{
    private const string EveryFiveMinutes = "{ cron: \"*/5 * * * *\", name: often }";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task DueTime_TakenByBothSilosAtOnce_HasOneRun()
    {
        await using var repository = await cluster.RepositoryAsync(EveryFiveMinutes);
        for (var i = 1; i <= 10; i++)
        {
            var due = (await repository.ScheduleAsync()).NextAt!.Value;
            cluster.Clock.Now = due;
            var arrived = 0;
            var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            cluster.Forge.Before = _ =>
            {
                if (Interlocked.Increment(ref arrived) == 4)
                {
                    all.SetResult();
                }

                // Nobody goes on before everybody has found that there is no run yet.
                return all.Task;
            };
            await Task.WhenAll(Enumerable.Range(0, 4).Select(n => repository.FireAsync(n % 2, Token)));
            cluster.Forge.Before = _ => Task.CompletedTask;
            Assert.Equal(due.AddMinutes(5), (await repository.ScheduleAsync()).NextAt);
            Assert.Equal(i, (await repository.RunsAsync()).Count);
        }
    }

    [Fact]
    public async Task DueTime_TakenByTheGrain_HasARunOfTheSchedule()
    {
        await using var repository = await cluster.RepositoryAsync(
            "{ cron: \"30 3 * * *\", timezone: Europe/Berlin, branch: dev, inputs: { target: prod }, name: nightly }"
        );
        repository.Write(
            "dev",
            GivenRepository.File("{ cron: \"30 3 * * *\", timezone: Europe/Berlin, branch: dev, inputs: { target: prod }, name: nightly }")
        );
        var due = (await repository.ScheduleAsync()).NextAt!.Value;
        Assert.Equal(new TimeSpan(2, 30, 0), due.TimeOfDay);
        cluster.Clock.Now = due.AddSeconds(20);
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).LastRunId is not null);

        var run = Assert.Single(await repository.RunsAsync());
        Assert.Equal(("schedule", "dev", "schedule:nightly"), (run.Event, run.Branch, run.Actor));
        Assert.Null(run.Note);
        var plan = await cluster.Cluster.Client.GetGrain<IPipelineRunGrain>(run.Id.Value).Get(Token);
        Assert.Equal("prod", plan.Plan.Trigger.Inputs["target"]);
        var schedule = await repository.ScheduleAsync();
        Assert.Equal((due, due.AddDays(1), run.Id), (schedule.LastAt, schedule.NextAt, schedule.LastRunId));
        Assert.Equal(run.RunNumber, schedule.LastRunNumber);
        Assert.Null(schedule.Note);
    }

    [Fact]
    public async Task Silo_StoppedBetweenTheRunAndTheNextDueTime_TheOtherFindsTheRun()
    {
        await using var repository = await cluster.RepositoryAsync(EveryFiveMinutes);
        var schedule = await repository.ScheduleAsync();
        var due = schedule.NextAt!.Value;
        // The clock of this silo is ahead, so that no other one takes the due time meanwhile.
        var firing = cluster.FiringAt(due);
        await using (var held = await HeldRow.OfAsync(cluster.ConnectionString, schedule.Id))
        {
            // The run is created; the next due time can't be written; then the silo stops.
            using var stopped = new CancellationTokenSource();
            var fired = firing.Fire(new(schedule.Id, repository.Row.Id, due), stopped.Token);
            await cluster.UntilAsync(async () => (await repository.RunsAsync()).Count == 1);
            await stopped.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fired);
            var unchanged = await repository.ScheduleAsync();
            Assert.Equal((due, 0), (unchanged.NextAt!.Value, unchanged.Attempts));
        }

        // Much later: the repository's grain has forgotten the key by then.
        cluster.Clock.Now = due.AddDays(3);
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).NextAt > due);
        Assert.Single(await repository.RunsAsync());
        Assert.Equal(due, (await repository.ScheduleAsync()).LastAt);
    }

    [Fact]
    public async Task MissedDueTimes_HaveOneLateRun_ThatSaysSo()
    {
        await using var repository = await cluster.RepositoryAsync("{ cron: \"0 * * * *\" }");
        var due = (await repository.ScheduleAsync()).NextAt!.Value;
        cluster.Clock.Now = due.AddHours(5).AddMinutes(10);
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).LastRunId is not null);
        var run = Assert.Single(await repository.RunsAsync());
        var expected =
            $"Late: due at {due:yyyy-MM-dd HH:mm} UTC, started 5 h 10 min later, because no server could start it at that time. "
            + "It also stands for 5 later due times.";
        Assert.Equal(expected, run.Note);
        var schedule = await repository.ScheduleAsync();
        Assert.Equal((expected, due.AddHours(6)), (schedule.Note, schedule.NextAt));

        // The next one is in time again.
        cluster.Clock.Now = schedule.NextAt!.Value;
        await cluster.UntilAsync(async () => (await repository.RunsAsync()).Count == 2);
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).Note is null);
    }

    [Fact]
    public async Task Forge_Away_IsRetriedThenGivenUp_AndTheNextDueTimeIsTaken()
    {
        await using var repository = await cluster.RepositoryAsync("{ cron: \"0 3 * * *\" }");
        var due = (await repository.ScheduleAsync()).NextAt!.Value;
        cluster.Clock.Now = due;
        cluster.Forge.Before = r =>
            r.Id == repository.Row.Id ? throw new ForgeException(ForgeException.Unreachable, "The forge is away.") : Task.CompletedTask;
        try
        {
            var pauses = new List<TimeSpan>();
            for (var attempt = 1; attempt < FiringErrors.MostAttempts; attempt++)
            {
                await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).Attempts == attempt);
                var retrying = await repository.ScheduleAsync();
                Assert.Equal((due, "The forge is away.", 0), (retrying.NextAt, retrying.Failure, retrying.Failures));
                pauses.Add(retrying.RetryAt!.Value - cluster.Clock.Now);
                cluster.Clock.Now = retrying.RetryAt!.Value;
            }

            Assert.Equal(pauses.Order(), pauses);
            Assert.Equal(TimeSpan.FromSeconds(30), pauses[0]);
            Assert.True(cluster.Clock.Now - due > TimeSpan.FromHours(1), "An hour without forge must be survived.");
            await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).Failures == 1);
            var failing = await repository.ScheduleAsync();
            Assert.Equal((due, due.AddDays(1), 0), (failing.LastAt, failing.NextAt, failing.Attempts));
            Assert.Equal($"Given up after {FiringErrors.MostAttempts} attempts; the last error: The forge is away.", failing.Failure);
            Assert.Empty(await repository.RunsAsync());
        }
        finally
        {
            cluster.Forge.Before = _ => Task.CompletedTask;
        }

        cluster.Clock.Now = due.AddDays(1);
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).LastRunId is not null);
        var schedule = await repository.ScheduleAsync();
        Assert.Equal((0, null, due.AddDays(2)), (schedule.Failures, schedule.Failure, schedule.NextAt));
    }

    [Theory]
    [InlineData("gone", "refs/heads/dev is not a ref of")]
    [InlineData("no-file", ".shipinator.yaml does not exist at refs/heads/dev.")]
    [InlineData("no-trigger", "defines no 'schedule' trigger")]
    [InlineData("other-schedule", "does not define the schedule 'nightly'")]
    [InlineData("bad-file", "The pipeline file has ")]
    public async Task Branch_WithoutTheSchedule_IsShownAsFailing_AndTriedAtEachDueTime(string state, string failure)
    {
        const string Nightly = "{ cron: \"0 3 * * *\", branch: dev, name: nightly }";
        await using var repository = await cluster.RepositoryAsync(Nightly);
        switch (state)
        {
            case "no-file":
                repository.Write("dev", null);
                break;
            case "no-trigger":
                repository.Write("dev", GivenRepository.File());
                break;
            case "other-schedule":
                repository.Write("dev", GivenRepository.File("{ cron: \"0 3 * * *\" }"));
                break;
            case "bad-file":
                repository.Write("dev", "build: { steps: [] }\n");
                break;
            default:
                break;
        }

        for (var failures = 1; failures <= 3; failures++)
        {
            var due = (await repository.ScheduleAsync()).NextAt!.Value;
            cluster.Clock.Now = due;
            await cluster.UntilAsync(async () => (await repository.ScheduleAsync()).Failures == failures);
            var failing = await repository.ScheduleAsync();
            Assert.Contains(failure, failing.Failure, StringComparison.Ordinal);
            Assert.Equal((due, due.AddDays(1), true), (failing.LastAt, failing.NextAt, failing.Enabled));
        }

        Assert.Empty(await repository.RunsAsync());
        repository.Write("dev", GivenRepository.File(Nightly));
        cluster.Clock.Now = (await repository.ScheduleAsync()).NextAt!.Value;
        await cluster.UntilAsync(async () => (await repository.ScheduleAsync()) is { Failures: 0, LastRunId: not null });
    }

    [Fact]
    public async Task Clock_SetBackAndForward_NoDueTimeHasTwoRuns()
    {
        await using var repository = await cluster.RepositoryAsync("{ cron: \"0 * * * *\" }");
        var due = (await repository.ScheduleAsync()).NextAt!.Value;
        cluster.Clock.Now = due;
        await repository.FireAsync(0, Token);
        Assert.Equal(due.AddHours(1), (await repository.ScheduleAsync()).NextAt);

        // Set back by two hours: what was taken is not due again.
        cluster.Clock.Now = due.AddHours(-2);
        Assert.Empty(await cluster.Service<IScheduleFiring>(0).Due(10, [], [], Token));
        await repository.SyncAsync("{ cron: \"0 * * * *\" }");
        Assert.Equal(due.AddHours(1), (await repository.ScheduleAsync()).NextAt);

        // A person switches it off and on meanwhile: it starts from this clock, but a due time that had its run has no second one.
        var schedules = cluster.Service<ScheduleSwitch>(1);
        var id = (await repository.ScheduleAsync()).Id;
        Assert.Null((await schedules.SetEnabledAsync(id, false, Actor.System, Token)).NextAt);
        Assert.Equal(due.AddHours(-1), (await schedules.SetEnabledAsync(id, true, Actor.System, Token)).NextAt);
        cluster.Clock.Now = due.AddHours(-1);
        await repository.FireAsync(1, Token);
        cluster.Clock.Now = due;
        await repository.FireAsync(0, Token);
        Assert.Equal(due.AddHours(1), (await repository.ScheduleAsync()).NextAt);
        Assert.Equal(2, (await repository.RunsAsync()).Count);

        // Set forward by a day: one run.
        cluster.Clock.Now = due.AddDays(1);
        await repository.FireAsync(1, Token);
        Assert.Equal(3, (await repository.RunsAsync()).Count);
        Assert.Equal(due.AddDays(1).AddHours(1), (await repository.ScheduleAsync()).NextAt);
    }

    [Fact]
    public async Task Keys_OfClients_DoNotStandForTheRunOfADueTime()
    {
        await using var repository = await cluster.RepositoryAsync("{ cron: \"0 3 * * *\" }");
        var schedule = await repository.ScheduleAsync();
        await cluster
            .Service<Triggers.Runs.RunTrigger>(0)
            .CreateAsync(
                repository.Row.Id,
                "schedule",
                new()
                {
                    GitRef = "refs/heads/main",
                    Actor = new(ActorKind.Token, "mallory"),
                    IdempotencyKey = ScheduledRun.Key(schedule.Id, schedule.NextAt!.Value),
                },
                Token
            );
        cluster.Clock.Now = schedule.NextAt!.Value;
        await repository.FireAsync(0, Token);
        Assert.Equal(["schedule:0 3 * * *", "token:mallory"], (await repository.RunsAsync()).Select(r => r.Actor));
    }
}
