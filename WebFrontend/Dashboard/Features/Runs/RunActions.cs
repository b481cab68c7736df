using MudBlazor;
using Shipinator.Schema.Queries;
using Shipinator.Triggers.Runs;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>Actions of a user on a run. Each checks the permission again and shows errors as a message.</summary>
public sealed class RunActions(Session session, RunCancellation cancellations, RunRerun reruns, IDialogService dialogs, ISnackbar messages)
{
    /// <summary>Cancels a run after a confirmation that lists what it affects.</summary>
    public async Task CancelAsync(RunView run, IReadOnlyList<JobView> jobs)
    {
        ArgumentNullException.ThrowIfNull(run);
        var running = jobs.Where(j => j.Status == Status.Running).Select(j => j.Name).ToList();
        var pending = jobs.Count(j => j.Status == Status.Pending);
        var effect = (running.Count, pending) switch
        {
            (0, 0) => "No jobs are running.",
            (0, _) => WillNotStart(pending),
            (_, 0) => WillBeCanceled(running),
            _ => $"{WillBeCanceled(running)} {WillNotStart(pending)}",
        };
        if (
            await dialogs.ShowMessageBoxAsync($"Cancel run #{run.RunNumber}?", effect, yesText: "Cancel run", cancelText: "Keep running")
            != true
        )
        {
            return;
        }

        await TryAsync(async () =>
        {
            var actor = await session.RequireAsync(Policies.Write);
            if (await cancellations.RequestAsync(run.Id, actor, CancellationToken.None) is { } ended)
            {
                messages.Add($"Run #{run.RunNumber} has already finished with status {ended.Word()}.", Severity.Info);
            }
        });
    }

    /// <summary>Reruns a run, once for each <paramref name="key"/>. Returns the new run, or null when it failed.</summary>
    public async Task<RunId?> RerunAsync(RunId run, bool onlyFailed, string key)
    {
        RunId? made = null;
        await TryAsync(async () =>
        {
            var actor = await session.RequireAsync(Policies.Write);
            var from = onlyFailed ? RerunFrom.Failed : RerunFrom.Start;
            made = (await reruns.CreateAsync(run, from, actor, key, CancellationToken.None)).Id;
        });
        return made;
    }

    private static string WillBeCanceled(List<string> running) => $"Running jobs that will be canceled: {string.Join(", ", running)}.";

    private static string WillNotStart(int pending) => $"{Display.Count(pending, "pending job")} will not start.";

    /// <summary>Runs an action and shows an expected error as a message; returns false then.</summary>
    public async Task<bool> TryAsync(Func<Task> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        try
        {
            await action();
            return true;
        }
        catch (Exception e) when (Display.IsExpected(e))
        {
            messages.Add(Display.Error(e), Severity.Error);
            return false;
        }
    }
}
