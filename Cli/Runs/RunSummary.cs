using System.Globalization;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Runs;

/// <summary>What became of a run, in one look.</summary>
internal static class RunSummary
{
    public static void Show(ITerminal terminal, RunResponse run, IReadOnlyList<JobResponse> jobs)
    {
        terminal.Say("");
        terminal.Show(JobTable(jobs));
        var artifacts = Artifacts(jobs);
        if (artifacts.Count > 0)
        {
            terminal.Say("");
            terminal.Show(ArtifactTable(artifacts));
        }

        terminal.Say("");
        terminal.Say(
            $"[bold]Run #{run.RunNumber.ToString(CultureInfo.InvariantCulture)}[/] of {Looks.Text(run.ProjectName)}/{Looks.Text(run.RepositoryName)} ({Looks.Text(run.PipelineName)}, {Looks.Text(Short(run))}): "
                + Looks.Status(run.Status)
                + (run.FinishedAt is null ? "" : $" in {Looks.Duration(run.CreatedAt, run.FinishedAt)}")
                + Looks.Text(Why(run.Status, run.Reason, run.Detail, run.WaitingFor) is { Length: > 0 } why ? $" ({why})" : "")
        );
        terminal.Say($"{Looks.Text(run.Url)}");
    }

    /// <summary>Jobs and the steps of their last attempts, a row each.</summary>
    public static Table JobTable(IReadOnlyList<JobResponse> jobs)
    {
        var table = Looks.Table("JOB", "STEP", "STATUS", "TIME", "ATTEMPTS", "WHY");
        // The one column of sentences wraps, so that a long one leaves the others their width.
        table.Columns[^1].NoWrap = false;
        foreach (var job in jobs)
        {
            table.AddRow(
                $"[bold]{Looks.Text(job.Name)}[/]",
                "",
                Looks.Status(job.Status),
                Looks.Duration(job.StartedAt, job.FinishedAt),
                job.Attempt > 1 ? job.Attempt.ToString(CultureInfo.InvariantCulture) : "",
                Looks.Text(job.ReusedFrom is null ? Why(job.Status, job.Reason, job.Detail, job.WaitingFor) : "result of an earlier run")
            );
            foreach (var step in job.Steps.Where(s => s.JobAttempt == job.Attempt).OrderBy(s => s.ExecutionOrder))
            {
                table.AddRow(
                    "",
                    Looks.Text(step.Name + (step.ParallelGroup is null ? "" : " ∥")),
                    Looks.Status(step.Status),
                    Looks.Duration(step.StartedAt, step.FinishedAt),
                    step.Executions.Count.ToString(CultureInfo.InvariantCulture),
                    Looks.Text(Why(step.Status, step.Reason, step.Detail, step.WaitingFor))
                );
            }
        }

        return table;
    }

    public static List<ArtifactResponse> Artifacts(IEnumerable<JobResponse> jobs) =>
        [.. jobs.SelectMany(j => j.Steps).SelectMany(s => s.Executions).SelectMany(e => e.Artifacts)];

    public static Table ArtifactTable(IEnumerable<ArtifactResponse> artifacts)
    {
        var table = Looks.Table("ARTIFACT", "TYPE", "SIZE", "SHA-256", "ID");
        foreach (var artifact in artifacts)
        {
            table.AddRow(
                Looks.Text(artifact.Ref ?? artifact.FileName),
                Looks.Text(artifact.ArtifactType),
                artifact.Ref is null ? Looks.Size(artifact.Size) : "",
                Looks.Text(artifact.Checksum is { Length: > 12 } sum ? sum[..12] : artifact.Checksum),
                Looks.Text(artifact.Id)
            );
        }

        return table;
    }

    /// <summary>Branch or ref, and the commit's first digits.</summary>
    public static string Short(RunResponse run) => $"{run.Branch ?? run.GitRef}@{(run.GitSha.Length > 8 ? run.GitSha[..8] : run.GitSha)}";

    private static string Why(string status, string? reason, string? detail, string? waitingFor) =>
        status == "success"
            ? ""
            : (detail ?? (status is "pending" or "running" ? waitingFor : null) ?? reason ?? "").ReplaceLineEndings(" ");
}
