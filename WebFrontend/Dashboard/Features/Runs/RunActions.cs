using MudBlazor;
using Shipinator.Schema.Queries;
using Shipinator.Triggers.Runs;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>What a person does to a run from a screen; each asks again whether they may, and says what went wrong.</summary>
public sealed class RunActions(Session session, RunCancellation cancellations, RunRerun reruns, IDialogService dialogs, ISnackbar messages)
{
    /// <summary>Stops a run after telling what that stops.</summary>
    public async Task CancelAsync(RunView run, IReadOnlyList<JobView> jobs)
    {
        ArgumentNullException.ThrowIfNull(run);
        var atWork = jobs.Where(j => j.Status == Status.Running).Select(j => j.Name).ToList();
        var waiting = jobs.Count(j => j.Status == Status.Pending);
        var what = (atWork.Count, waiting) switch
        {
            (0, 0) => "Nothing of it is at work now.",
            (0, _) => WillNotBegin(waiting),
            (_, 0) => $"At work now and to be stopped: {string.Join(", ", atWork)}.",
            _ => $"At work now and to be stopped: {string.Join(", ", atWork)}. {WillNotBegin(waiting)}",
        };
        if (
            await dialogs.ShowMessageBoxAsync($"Cancel run #{run.RunNumber}?", what, yesText: "Cancel the run", cancelText: "Let it run")
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
                messages.Add($"Run #{run.RunNumber} ended meanwhile: {ended.Word()}.", Severity.Info);
            }
        });
    }

    /// <summary>Runs it again, once for each <paramref name="key"/>; returns the new run, or null when it was refused.</summary>
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

    private static string WillNotBegin(int waiting) =>
        waiting == 1 ? "1 waiting job will not begin." : $"{waiting} waiting jobs will not begin.";

    /// <summary>Does something and tells the person what went wrong; false then.</summary>
    public async Task<bool> TryAsync(Func<Task> action)
    {
        ArgumentNullException.ThrowIfNull(action);
        try
        {
            await action();
            return true;
        }
        catch (Exception e) when (Say.IsToBeTold(e))
        {
            messages.Add(Say.Error(e), Severity.Error);
            return false;
        }
    }
}
