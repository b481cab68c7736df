using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Runs;

/// <summary>The summary of a run: jobs, steps, artifacts and the result.</summary>
internal static class RunSummary
{
    public static void Show(ITerminal terminal, RunResponse run, IReadOnlyList<JobResponse> jobs)
    {
        terminal.Write(JobTable(jobs));
        var artifacts = Artifacts(jobs);
        if (artifacts.Count > 0)
        {
            terminal.WriteMarkup("");
            terminal.Write(ArtifactTable(artifacts));
        }

        terminal.WriteMarkup("");
        terminal.WriteMarkup(
            $"{Title(run)} ({ConsoleFormat.Text(run.PipelineName)}, {ConsoleFormat.Text(Revision(run))}): "
                + ConsoleFormat.Status(run.Status)
                + (run.FinishedAt is null ? "" : $" in {ConsoleFormat.Duration(run.CreatedAt, run.FinishedAt)}")
                + ConsoleFormat.Text(Detail(run.Status, run.Reason, run.Detail, run.WaitingFor) is { Length: > 0 } why ? $" ({why})" : "")
        );
        foreach (var error in run.FileErrors ?? [])
        {
            terminal.WriteMarkup(
                ConsoleFormat.Text(
                    string.Create(CultureInfo.InvariantCulture, $"{error.File}:{error.Line}:{error.Column}: {error.Message}")
                )
            );
        }

        if (run.PrNumber is { } number)
        {
            terminal.WriteMarkup(
                ConsoleFormat.Text(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Pull request #{number}{(run.IsFork == true ? " of a fork" : "")}: {run.PrTitle} {run.PrUrl}"
                    )
                )
            );
        }

        terminal.WriteMarkup($"{ConsoleFormat.Text(run.Url)}");
    }

    /// <summary>The run's number and repository, as markup.</summary>
    public static string Title(RunResponse run) =>
        $"[bold]Run #{run.RunNumber.ToString(CultureInfo.InvariantCulture)}[/] of "
        + ConsoleFormat.Text($"{run.ProjectName}/{run.RepositoryName}");

    /// <summary>A table of all jobs and the steps of their last attempts.</summary>
    public static Table JobTable(IReadOnlyList<JobResponse> jobs)
    {
        var table = ConsoleFormat.Table("JOB", "STEP", "STATUS", "TIME", "ATTEMPTS", "DETAIL");
        // Only the detail column wraps, so that a long detail does not squeeze the others.
        table.Columns[^1].NoWrap = false;
        foreach (var job in jobs)
        {
            table.AddRow(
                $"[bold]{ConsoleFormat.Text(job.Name)}[/]",
                "",
                ConsoleFormat.Status(job.Status),
                ConsoleFormat.Duration(job.StartedAt, job.FinishedAt),
                job.Attempt > 1 ? job.Attempt.ToString(CultureInfo.InvariantCulture) : "",
                ConsoleFormat.Text(
                    job.ReusedFrom is null ? Detail(job.Status, job.Reason, job.Detail, job.WaitingFor) : "Reused from an earlier run"
                )
            );
            foreach (var step in job.Steps.Where(s => s.JobAttempt == job.Attempt).OrderBy(s => s.ExecutionOrder))
            {
                table.AddRow(
                    "",
                    ConsoleFormat.Text(step.Name + (step.ParallelGroup is null ? "" : " ∥")),
                    ConsoleFormat.Status(step.Status),
                    ConsoleFormat.Duration(step.StartedAt, step.FinishedAt),
                    step.Executions.Count.ToString(CultureInfo.InvariantCulture),
                    ConsoleFormat.Text(Detail(step.Status, step.Reason, step.Detail, step.WaitingFor))
                );
            }
        }

        return table;
    }

    public static List<ArtifactResponse> Artifacts(IEnumerable<JobResponse> jobs) =>
        [.. jobs.SelectMany(j => j.Steps).SelectMany(s => s.Executions).SelectMany(e => e.Artifacts)];

    public static Table ArtifactTable(IEnumerable<ArtifactResponse> artifacts)
    {
        var table = ConsoleFormat.Table("ARTIFACT", "TYPE", "SIZE", "SHA-256", "ID");
        foreach (var artifact in artifacts)
        {
            table.AddRow(
                ConsoleFormat.Text(artifact.Ref ?? artifact.FileName),
                ConsoleFormat.Text(artifact.ArtifactType),
                artifact.Ref is null ? ConsoleFormat.Size(artifact.Size) : "",
                ConsoleFormat.Text(artifact.Checksum is { Length: > 12 } sum ? sum[..12] : artifact.Checksum),
                ConsoleFormat.Text(artifact.Id)
            );
        }

        return table;
    }

    /// <summary>The branch or ref, and the abbreviated commit.</summary>
    public static string Revision(RunResponse run) =>
        $"{(run.PrNumber is { } number ? $"#{number}" : run.Branch ?? run.Tag ?? run.GitRef)}@"
        + $"{(run.GitSha.Length > 8 ? run.GitSha[..8] : run.GitSha)}";

    private static string Detail(string status, string? reason, string? detail, string? waitingFor) =>
        status == "success"
            ? ""
            : (detail ?? (status is "pending" or "running" ? waitingFor : null) ?? reason ?? "").ReplaceLineEndings(" ");
}
