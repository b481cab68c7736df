using Microsoft.Extensions.Time.Testing;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.Testing;

namespace Shipinator.Schema.Tests;

/// <summary>The queries of the dashboard: trends, active runs, branches, the queue, and search.</summary>
public sealed class ScreenQueriesTests(PostgresFixture postgres)
{
    private static readonly DateTimeOffset Today = new(2031, 3, 15, 13, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Days_CountEachRunOnTheDayOfItsEnd_WithTheMedianOfSuccessfulOnes()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        foreach (
            var (day, status, seconds) in new[]
            {
                (0, "success", 10),
                (0, "success", 20),
                (0, "success", 90),
                (0, "failed", 500),
                (-3, "canceled", 5),
                (-13, "success", 7),
                (-14, "success", 7),
            }
        )
        {
            await InsertAsync(db, Today.AddDays(day), status, seconds);
        }

        var days = await new TrendQueries(db.Source, new FakeTimeProvider(Today)).DaysAsync(new(), 14);
        Assert.Equal(14, days.Count);
        Assert.Equal(new(new(2031, 3, 15), 3, 1, 0, TimeSpan.FromSeconds(20)), days[^1]);
        Assert.Equal(new(new(2031, 3, 12), 0, 0, 1, null), days[^4]);
        Assert.Equal(new(new(2031, 3, 2), 1, 0, 0, TimeSpan.FromSeconds(7)), days[0]);
        Assert.All(days.Skip(1).SkipLast(4), d => Assert.Equal(0, d.Success + d.Failed + d.Canceled));

        var trends = new TrendQueries(db.Source, new FakeTimeProvider(Today));
        Assert.Equal(4, (await trends.DaysAsync(new() { Project = db.Project.Id }, 1)).Sum(d => d.Success + d.Failed));
        Assert.Equal(0, (await trends.DaysAsync(new() { Repository = RepositoryId.New(TimeProvider.System) }, 14)).Sum(d => d.Success));
        Assert.Equal(4, (await trends.DaysAsync(new() { Pipeline = db.Pipeline.Id }, 1)).Sum(d => d.Success + d.Failed));
    }

    [Fact]
    public async Task MedianDuration_IsThatOfTheLastSuccessfulRuns_OrNull()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var trends = new TrendQueries(db.Source, TimeProvider.System);
        Assert.Null(await trends.MedianDurationAsync(db.Pipeline.Id));
        for (var i = 0; i < 30; i++)
        {
            // The oldest ten took long, but are no longer included.
            await InsertAsync(db, Today.AddMinutes(i), "success", i < 10 ? 10_000 : 60);
            await InsertAsync(db, Today.AddMinutes(i).AddSeconds(1), "failed", 1);
        }

        Assert.Equal(TimeSpan.FromSeconds(60), await trends.MedianDurationAsync(db.Pipeline.Id));
    }

    [Fact]
    public async Task Active_HasRunningJobsAndSteps_AndBranchesTheirNewestRun()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var trends = new TrendQueries(db.Source, TimeProvider.System);
        var old = await db.CreateRunAsync(db.NewRun(branch: "feature"));
        var run = await db.CreateRunAsync(db.NewRun(branch: "feature"));
        var main = await db.CreateRunAsync();
        await run.MoveAsync(Status.Running);
        var job = await db.LoadAsync<JobRecord>(run.Row!.Jobs[0].Id.Value);
        await job.MoveAsync(Status.Running);
        await db.ExecuteAsync($"UPDATE job_steps SET status = 'running' WHERE id = '{run.Row.Jobs[0].Steps[1]}'");
        var live = await trends.ActiveAsync(10);
        Assert.Equal([main.Row!.Id, run.Row.Id, old.Row!.Id], live.Select(l => l.Run.Id));
        Assert.Equal([new CurrentStep(run.Row.Id, "build", "job0", "step1")], live[1].Current);
        Assert.Empty(live[0].Current);
        // The count includes runs beyond the limit.
        Assert.Single(await trends.ActiveAsync(1));
        Assert.Equal((1, 2), await trends.ActiveCountAsync());
        Assert.Empty((await db.Queries.ListAsync(new() { IsTerminal = true }, new())).Items);
        Assert.Equal(
            [("main", main.Row.Id), ("feature", run.Row.Id)],
            (await trends.BranchesAsync(db.Repository.Id, 10)).Select(b => (b.Branch, b.Run.Id))
        );
    }

    [Fact]
    public async Task Queue_ContainsPendingAndSubmittedExecutions_OldestFirst()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var queue = new QueueQueries(db.Source);
        Assert.Equal(0, (await queue.WaitingAsync(10)).Total);
        var run = await db.CreateRunAsync();
        var job = await db.LoadAsync<JobRecord>(run.Row!.Jobs[0].Id.Value);
        var first = db.NewExecution(job.Row!);
        await first.WriteAsync();
        var second = db.NewExecution(job.Row!, 1);
        await second.WriteAsync();
        await second.MoveAsync(Status.Submitted);
        var (oldest, total) = await queue.WaitingAsync(1);
        Assert.Equal(2, total);
        var line = Assert.Single(oldest);
        Assert.Equal(
            (first.Row!.Id, run.Row.Id, "shop", "web", "job0", "step0", Status.Pending),
            (line.Id, line.RunId, line.Project, line.Repository, line.Job, line.Step, line.Status)
        );
        await first.MoveAsync(Status.Submitted);
        await first.MoveAsync(Status.Running);
        Assert.Equal([second.Row!.Id], (await queue.WaitingAsync(10)).Oldest.Select(q => q.Id));
    }

    [Fact]
    public async Task Search_MatchesEveryWordLiterally()
    {
        await using var db = await TestDatabase.StartAsync(postgres);
        var (projects, repositories) = (
            new ProjectStore(db.Source, TimeProvider.System),
            new RepositoryStore(db.Source, TimeProvider.System)
        );
        var odd = await projects.CreateAsync("100%_odd\\name", null);
        await repositories.CreateAsync(new(odd.Id, "Web_Shop", "git", "https://example.org/x.git", "main"));
        Assert.Equal(["100%_odd\\name"], (await projects.SearchAsync(["%_O"], 10)).Select(p => p.Name));
        Assert.Equal(["100%_odd\\name"], (await projects.SearchAsync(["d\\n"], 10)).Select(p => p.Name));
        Assert.Empty(await projects.SearchAsync(["o%d"], 10));
        Assert.Equal(2, (await projects.SearchAsync([], 10)).Count);
        Assert.Equal(["Web_Shop"], (await repositories.SearchAsync(["web", "100"], 10)).Select(r => r.Name));
        Assert.Equal(2, (await repositories.SearchAsync(["WEB"], 10)).Count);
        Assert.Empty(await repositories.SearchAsync(["webXshop"], 10));

        var run = await db.CreateRunAsync();
        Assert.Equal([run.Row!.Id], (await db.Queries.NumberedAsync(run.Row.RunNumber, [], 10)).Select(r => r.Id));
        Assert.Equal([run.Row.Id], (await db.Queries.NumberedAsync(run.Row.RunNumber, [db.Repository.Name], 10)).Select(r => r.Id));
        Assert.Empty(await db.Queries.NumberedAsync(run.Row.RunNumber, ["no-such"], 10));
        Assert.Empty(await db.Queries.NumberedAsync(run.Row.RunNumber + 1, [], 10));
        // Also by the repository's current name.
        await repositories.UpdateAsync(db.Repository.Id, new(Name: "renamed"));
        Assert.Equal([run.Row.Id], (await db.Queries.NumberedAsync(run.Row.RunNumber, ["RENAMED"], 10)).Select(r => r.Id));
    }

    private static Task InsertAsync(TestDatabase db, DateTimeOffset ended, string status, int seconds) =>
        db.ExecuteAsync(
            $$"""
            INSERT INTO pipeline_runs (id, pipeline_id, git_ref, git_sha, status, created_at, started_at,
              finished_at, repository_id, project_id,
              project_name,
              repository_name, run_number, clone_url, executor, event, branch, actor, plan, jobs, sequence, updated_at, version)
            VALUES ('{{Guid.CreateVersion7(
                ended.AddSeconds(-seconds)
            )}}', '{{db.Pipeline.Id}}', 'refs/heads/main', 'a', '{{status}}', '{{ended.AddSeconds(-seconds):O}}', '{{ended.AddSeconds(
                -seconds
            ):O}}', '{{ended:O}}',
              '{{db.Repository.Id}}', '{{db.Project.Id}}', 'shop', 'web',
              (SELECT coalesce(max(run_number), 0) + 1 FROM pipeline_runs),
              'u', 'process', 'push', 'main', 'system', '{}', '[]', 1, now(), 1)
            """
        );
}
