using Microsoft.Extensions.Time.Testing;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Statuses;

namespace Shipinator.Grains.Tests.Statuses;

/// <summary>The outbox and its sender, over PostgreSQL and HTTP, with a clock that the test advances.</summary>
public sealed class StatusSenderTests(StatusEngine engine) : IClassFixture<StatusEngine>
{
    private const string Push = "shipinator/push";

    /// <summary>Not before what the database's own clock wrote.</summary>
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow().AddMinutes(1));

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_ThatChangesTenTimes_IsPostedAFewTimesAndEndsWithItsEnd()
    {
        var at = await engine.NewRepositoryAsync("busy", isSentByTest: true);
        var sender = engine.Sender(_time);
        var run = RunId.New(TimeProvider.System);
        await RegisterAsync(at.Repository, run);
        Assert.True((await sender.Send(at.Repository.Id, Stop)).HasOpen);
        Assert.Empty(engine.Host.Received("harbour/busy"));
        await engine.InsertRunAsync(at.Pipeline, "pending", run);
        await sender.Send(at.Repository.Id, Stop);
        await engine.SetRunAsync(run, "running");
        for (var i = 0; i < 10; i++)
        {
            // Each makes another description: ten changes within ten seconds.
            await engine.InsertJobAsync(run, $"job{i}", "running");
            _time.Advance(TimeSpan.FromSeconds(1));
            await sender.Send(at.Repository.Id, Stop);
        }

        _time.Advance(StatusDecision.ProgressInterval);
        await sender.Send(at.Repository.Id, Stop);
        await engine.ExecuteAsync($"UPDATE jobs SET status = 'success' WHERE pipeline_run_id = '{run}'");
        await engine.SetRunAsync(run, "success");
        Assert.Equal(StatusRound.Idle, await sender.Send(at.Repository.Id, Stop));
        Assert.Equal(
            [("pending", "Queued"), ("pending", "Running: job0 and 9 more (0 of 10 jobs done)"), ("success", "10 jobs succeeded")],
            engine.Host.Received("harbour/busy").Select(p => (p.State, p.Description))
        );
        Assert.All(
            engine.Host.Received("harbour/busy"),
            p => Assert.Equal((StatusEngine.Commit, Push, $"http://ci.example/runs/{run}"), (p.Commit, p.Context, p.TargetUrl))
        );
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(3, engine.Host.Received("harbour/busy").Count);
    }

    [Fact]
    public async Task Descriptions_OfALongRun_AreLimited()
    {
        var at = await engine.NewRepositoryAsync("long", isSentByTest: true);
        var sender = engine.Sender(_time);
        var run = await engine.InsertRunAsync(at.Pipeline, "running");
        await RegisterAsync(at.Repository, run);
        for (var i = 0; i < 40; i++)
        {
            await engine.InsertJobAsync(run, $"job{i}", "running");
            await sender.Send(at.Repository.Id, Stop);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(StatusDecision.MaxPending, engine.Host.Received("harbour/long").Count);
        await engine.SetRunAsync(run, "canceled");
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal("failure", engine.Host.Accepted("harbour/long")[^1].State);
    }

    [Fact]
    public async Task Forge_AwayForAnHour_IsAskedRarely_AndGetsTheLastStateOnly()
    {
        var at = await engine.NewRepositoryAsync("away", isSentByTest: true);
        var sender = engine.Sender(_time);
        var runs = new List<RunId>();
        engine.Host.Answer = p => p.Repository == "harbour/away" ? (503, null) : (201, null);
        var end = _time.GetUtcNow().AddHours(1);
        while (_time.GetUtcNow() < end)
        {
            // Runs go on meanwhile; each is of a commit of its own.
            if (runs.Count < 8)
            {
                runs.Add(await engine.InsertRunAsync(at.Pipeline));
                await RegisterAsync(at.Repository, runs[^1], commit: $"{runs.Count:x40}");
            }

            var round = await sender.Send(at.Repository.Id, Stop);
            Assert.True(round is { HasOpen: true, NextAt: not null });
            // Hints of runs change nothing while the forge is away.
            Assert.Equal(round.NextAt, (await sender.Send(at.Repository.Id, Stop)).NextAt);
            _time.SetUtcNow(round.NextAt.Value);
        }

        Assert.InRange(engine.Host.Received("harbour/away").Count, 8, 16);
        Assert.Empty(engine.Host.Accepted("harbour/away"));
        var problems = (await engine.Store(_time).ProblemsAsync(at.Repository.Id, Stop))!;
        Assert.Equal((0, "The forge answered 503."), (problems.Blocked, problems.Error));
        foreach (var run in runs)
        {
            await engine.SetRunAsync(run, "failed");
        }

        engine.Host.Answer = _ => (201, null);
        await sender.Send(at.Repository.Id, Stop);
        var posts = engine.Host.Accepted("harbour/away");
        Assert.Equal(8, posts.Select(p => p.Commit).Distinct().Count());
        Assert.All(posts, p => Assert.Equal("failure", p.State));
        Assert.Equal(8, posts.Count);
        Assert.Null(await engine.Store(_time).ProblemsAsync(at.Repository.Id, Stop));
    }

    [Fact]
    public async Task RateLimit_IsRespectedForTheWholeRepository_AndOtherRepositoriesGoOn()
    {
        var limited = await engine.NewRepositoryAsync("limited", isSentByTest: true);
        var other = await engine.NewRepositoryAsync("other", isSentByTest: true);
        var sender = engine.Sender(_time);
        engine.Host.Answer = p => p.Repository == "harbour/limited" ? (429, "600") : (201, null);
        for (var i = 1; i <= 3; i++)
        {
            await RegisterAsync(limited.Repository, await engine.InsertRunAsync(limited.Pipeline, "failed"), commit: $"{i:x40}");
        }

        await RegisterAsync(other.Repository, await engine.InsertRunAsync(other.Pipeline, "failed"));
        var round = await sender.Send(limited.Repository.Id, Stop);
        Assert.Single(engine.Host.Received("harbour/limited"));
        Assert.InRange(round.NextAt!.Value - _time.GetUtcNow(), TimeSpan.FromSeconds(600), TimeSpan.FromSeconds(610));
        await sender.Send(other.Repository.Id, Stop);
        Assert.Single(engine.Host.Accepted("harbour/other"));
        engine.Host.Answer = _ => (201, null);
        _time.Advance(TimeSpan.FromSeconds(599));
        await sender.Send(limited.Repository.Id, Stop);
        Assert.Single(engine.Host.Received("harbour/limited"));
        _time.SetUtcNow(round.NextAt.Value);
        await sender.Send(limited.Repository.Id, Stop);
        Assert.Equal(3, engine.Host.Accepted("harbour/limited").Count);
    }

    [Fact]
    public async Task Error500_OfOneCommit_DoesNotHoldUpTheOthers_AndEndsAfterDays()
    {
        var at = await engine.NewRepositoryAsync("broken", isSentByTest: true);
        var sender = engine.Sender(_time);
        var bad = $"{1:x40}";
        engine.Host.Answer = p => p.Repository == "harbour/broken" && p.Commit == bad ? (500, null) : (201, null);
        await RegisterAsync(at.Repository, await engine.InsertRunAsync(at.Pipeline, "failed"), commit: $"{2:x40}");
        await RegisterAsync(at.Repository, await engine.InsertRunAsync(at.Pipeline, "failed"), commit: bad);
        var round = await sender.Send(at.Repository.Id, Stop);
        Assert.Single(engine.Host.Accepted("harbour/broken"));
        while (round.NextAt is { } next)
        {
            _time.SetUtcNow(next);
            round = await sender.Send(at.Repository.Id, Stop);
        }

        var problems = (await engine.Store(_time).ProblemsAsync(at.Repository.Id, Stop))!;
        Assert.Equal((1, 0), (problems.Blocked, problems.Retrying));
        Assert.InRange(_time.GetUtcNow() - problems.Since!.Value, StatusRetry.GiveUpAfter, StatusRetry.GiveUpAfter + TimeSpan.FromHours(1));
        Assert.InRange(engine.Host.Received("harbour/broken").Count, 250, 400);
    }

    [Fact]
    public async Task Credential_ThatIsRevoked_IsShown_AndEverythingIsSentOnceItIsFixed()
    {
        var at = await engine.NewRepositoryAsync("revoked", isSentByTest: true);
        var sender = engine.Sender(_time);
        engine.Host.Answer = p => p.Repository == "harbour/revoked" ? (401, null) : (201, null);
        for (var i = 1; i <= 5; i++)
        {
            await RegisterAsync(at.Repository, await engine.InsertRunAsync(at.Pipeline, "failed"), commit: $"{i:x40}");
        }

        var round = await sender.Send(at.Repository.Id, Stop);
        Assert.Single(engine.Host.Received("harbour/revoked"));
        Assert.False(round.HasOpen);
        var problems = (await engine.Store(_time).ProblemsAsync(at.Repository.Id, Stop))!;
        Assert.Equal(
            (5, ForgeRequestException.Unauthorized, "The forge answered 401."),
            (problems.Blocked, problems.ErrorCode, problems.Error)
        );

        // Nothing is sent by itself for hours; then one status asks, however many wait.
        _time.Advance(StatusRetry.ProbeInterval - TimeSpan.FromMinutes(1));
        await sender.Send(at.Repository.Id, Stop);
        Assert.Single(engine.Host.Received("harbour/revoked"));
        Assert.DoesNotContain(at.Repository.Id, await sender.Due(Stop));
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Contains(at.Repository.Id, await sender.Due(Stop));
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(2, engine.Host.Received("harbour/revoked").Count);

        // A new run asks once more; its acceptance frees the others.
        engine.Host.Answer = _ => (201, null);
        await RegisterAsync(at.Repository, await engine.InsertRunAsync(at.Pipeline, "failed"), commit: $"{6:x40}");
        round = await sender.Send(at.Repository.Id, Stop);
        Assert.True(round.NextAt <= _time.GetUtcNow());
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(6, engine.Host.Accepted("harbour/revoked").Select(p => p.Commit).Distinct().Count());
        Assert.Null(await engine.Store(_time).ProblemsAsync(at.Repository.Id, Stop));
    }

    [Fact]
    public async Task Retry_ByAPerson_SendsWhatWasBlockedAndWhatWaits()
    {
        var at = await engine.NewRepositoryAsync("retried", isSentByTest: true);
        var sender = engine.Sender(_time);
        engine.Host.Answer = p => p.Repository == "harbour/retried" ? (p.Commit[^1] == '1' ? 422 : 503, null) : (201, null);
        await RegisterAsync(at.Repository, await engine.InsertRunAsync(at.Pipeline, "failed"), commit: $"{2:x40}");
        await RegisterAsync(at.Repository, await engine.InsertRunAsync(at.Pipeline, "failed"), commit: $"{1:x40}");
        await sender.Send(at.Repository.Id, Stop);
        var problems = (await engine.Store(_time).ProblemsAsync(at.Repository.Id, Stop))!;
        Assert.Equal((1, 1), (problems.Blocked, problems.Retrying));
        engine.Host.Answer = _ => (201, null);
        Assert.Equal(2, await engine.Retry.RetryAsync(at.Repository.Id, Stop));
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(2, engine.Host.Accepted("harbour/retried").Count);
        await Assert.ThrowsAsync<NotFoundException>(() => engine.Retry.RetryAsync(RepositoryId.New(TimeProvider.System), Stop));
    }

    [Fact]
    public async Task TwoRunsOfOneCommit_TheNewerOneCounts()
    {
        var at = await engine.NewRepositoryAsync("twice", isSentByTest: true);
        var sender = engine.Sender(_time);
        var first = await engine.InsertRunAsync(at.Pipeline);
        var second = await engine.InsertRunAsync(at.Pipeline);
        await RegisterAsync(at.Repository, second);
        // A late or repeated registration of the older run changes nothing.
        await RegisterAsync(at.Repository, first);
        await sender.Send(at.Repository.Id, Stop);
        await engine.SetRunAsync(second, "success");
        await sender.Send(at.Repository.Id, Stop);
        await engine.SetRunAsync(first, "failed");
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(["pending", "success"], engine.Host.Accepted("harbour/twice").Select(p => p.State));
        Assert.All(engine.Host.Accepted("harbour/twice"), p => Assert.EndsWith(second.ToString(), p.TargetUrl, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Rerun_TakesOverEveryContextOfTheOriginal()
    {
        var at = await engine.NewRepositoryAsync("rerun", isSentByTest: true);
        var sender = engine.Sender(_time);
        var store = engine.Store(_time);
        var original = await engine.InsertRunAsync(at.Pipeline, "failed");
        await store.RegisterAsync(at.Repository.Id, StatusEngine.Commit, [Push, "shipinator/pr"], original, null, Stop);
        await sender.Send(at.Repository.Id, Stop);
        var reruns = new List<RunId>();
        for (var i = 0; i < 2; i++)
        {
            // The second is again a rerun of the original, whose contexts the first has taken over.
            var (origin, contexts) = await store.OfRerunAsync(reruns.Count == 0 ? original : reruns[0], Stop);
            Assert.Equal((original, 2), (origin, contexts.Count));
            var rerun = await engine.InsertRunAsync(at.Pipeline, "success");
            await engine.ExecuteAsync($"UPDATE pipeline_runs SET rerun_of = '{original}' WHERE id = '{rerun}'");
            await store.RegisterAsync(at.Repository.Id, StatusEngine.Commit, [.. contexts, Push], rerun, origin, Stop);
            await sender.Send(at.Repository.Id, Stop);
            reruns.Add(rerun);
        }

        foreach (var context in new[] { Push, "shipinator/pr" })
        {
            var posts = engine.Host.Accepted("harbour/rerun").Where(p => p.Context == context).ToList();
            Assert.Equal(["failure", "success", "success"], posts.Select(p => p.State));
            Assert.EndsWith(reruns[1].ToString(), posts[^1].TargetUrl, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Outcome_WithoutARun_IsASuccess_AndNeverHidesARun()
    {
        var at = await engine.NewRepositoryAsync("filtered", isSentByTest: true);
        var sender = engine.Sender(_time);
        var statuses = engine.Statuses;
        const string Text = "Skipped: no path of the filter was changed";
        await statuses.RegisterOutcomeAsync(at.Repository, StatusEngine.Commit, "push", CommitState.Success, Text, Stop);
        await statuses.RegisterOutcomeAsync(at.Repository, StatusEngine.Commit, "push", CommitState.Success, Text, Stop);
        await sender.Send(at.Repository.Id, Stop);
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(
            ("success", Text, null),
            engine.Host.Received("harbour/filtered").Select(p => (p.State, p.Description, p.TargetUrl)).Single()
        );

        var run = await engine.InsertRunAsync(at.Pipeline, "failed");
        await RegisterAsync(at.Repository, run);
        await sender.Send(at.Repository.Id, Stop);
        // The same commit is pushed to a branch that is filtered out.
        await statuses.RegisterOutcomeAsync(at.Repository, StatusEngine.Commit, "push", CommitState.Success, "Skipped: branch", Stop);
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal("failure", engine.Host.Accepted("harbour/filtered")[^1].State);
    }

    [Fact]
    public async Task Row_ThatChangesDuringAPost_IsSentAgain()
    {
        var at = await engine.NewRepositoryAsync("raced", isSentByTest: true);
        var sender = engine.Sender(_time);
        var original = await engine.InsertRunAsync(at.Pipeline, "failed");
        var rerun = await engine.InsertRunAsync(at.Pipeline, "success");
        await RegisterAsync(at.Repository, original);
        engine.Host.Before = async p =>
        {
            if (p.Repository == "harbour/raced" && p.State == "failure")
            {
                await RegisterAsync(at.Repository, rerun);
            }
        };
        Assert.True((await sender.Send(at.Repository.Id, Stop)).HasOpen);
        engine.Host.Before = _ => Task.CompletedTask;
        await sender.Send(at.Repository.Id, Stop);
        Assert.Equal(["failure", "success"], engine.Host.Accepted("harbour/raced").Select(p => p.State));
    }

    [Fact]
    public async Task Page_OnThisMachine_IsNamedToAForgeOfThisMachineOnly()
    {
        var sender = engine.Sender(_time, new Loopback());
        var here = await engine.NewRepositoryAsync("here", isSentByTest: true);
        var run = await engine.InsertRunAsync(here.Pipeline, "failed");
        await RegisterAsync(here.Repository, run);
        await sender.Send(here.Repository.Id, Stop);
        Assert.Equal($"http://127.0.0.1:7400/runs/{run}", engine.Host.Accepted("harbour/here").Single().TargetUrl);
        Assert.Null(CommitStatusSender.PageOf(new("http://localhost:7400/"), "https://git.example.org/a/b.git", run));
        Assert.NotNull(CommitStatusSender.PageOf(new("https://ci.example.org/"), "https://git.example.org/a/b.git", run));
    }

    [Fact]
    public async Task Repository_WithOpenStatuses_CanBeRemoved()
    {
        var at = await engine.NewRepositoryAsync("removed", isSentByTest: true);
        await engine.Statuses.RegisterOutcomeAsync(at.Repository, StatusEngine.Commit, "push", CommitState.Success, "Skipped", Stop);
        await new RepositoryStore(engine.Engine.Source, _time).DeleteAsync(at.Repository.Id, Stop);
        Assert.Equal(StatusRound.Idle, await engine.Sender(_time).Send(at.Repository.Id, Stop));
    }

    private Task RegisterAsync(RepositoryRow repository, RunId run, string? commit = null)
    {
        // Each registration is later than the one before, as in a server.
        _time.Advance(TimeSpan.FromMilliseconds(1));
        return engine.Store(_time).RegisterAsync(repository.Id, commit ?? StatusEngine.Commit, [Push], run, null, Stop);
    }

    private sealed class Loopback : IServerAddress
    {
        public Uri PublicUrl { get; } = new("http://127.0.0.1:7400/");

        public Uri RunnerUrl { get; } = new("http://127.0.0.1:7400/");
    }
}
