using System.Globalization;
using MudBlazor;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>A result in the command palette.</summary>
/// <param name="Name">The text of the result, as stored.</param>
/// <param name="Kind">What it is: <c>page</c>, <c>project</c>, <c>repository</c>, or the status of a run.</param>
/// <param name="Href">The path that it opens.</param>
/// <param name="Icon">An icon of MudBlazor.</param>
public sealed record PaletteItem(string Name, string Kind, string Href, string Icon);

/// <summary>Searches pages, projects, repositories and runs for the command palette.</summary>
public sealed class PaletteSearch(ProjectStore projects, RepositoryStore repositories, RunQueries runs, Session session)
{
    private const int MaxResults = 12;

    private static readonly PaletteItem[] Pages =
    [
        new("Overview", "page", "/", Icons.Material.Outlined.Dashboard),
        new("Runs", "page", "/runs", Icons.Material.Outlined.PlayCircle),
        new("Active runs", "page", "/runs?status=running", Icons.Material.Outlined.PlayCircle),
        new("Failed runs", "page", "/runs?status=failed", Icons.Material.Outlined.PlayCircle),
        new("Projects", "page", "/projects", Icons.Material.Outlined.Folder),
        new("Schedules", "page", "/schedules", Icons.Material.Outlined.Schedule),
        new("API reference", "page", "/scalar", Icons.Material.Outlined.Api),
    ];

    private static readonly PaletteItem[] AdminPages =
    [
        new("API tokens", "page", "/settings/tokens", Icons.Material.Outlined.Key),
        new("Cluster", "page", "/admin", Icons.Material.Outlined.Dns),
    ];

    /// <summary>
    /// At most 12 results for a text; for an empty one, the pages and the newest runs. A number, with or without #, is a run number.
    /// </summary>
    public async Task<IReadOnlyList<PaletteItem>> FindAsync(string text, CancellationToken cancellationToken)
    {
        var typed = text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(w => w is not ("/" or "#"))
            .ToList();
        var number = typed
            .Select(w => long.TryParse(w.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : (long?)null)
            .FirstOrDefault(n => n is not null);
        var words = typed.Where(w => !long.TryParse(w.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out _)).ToList();
        var found = new List<PaletteItem>();
        if (number is { } wanted)
        {
            return [.. (await runs.NumberedAsync(wanted, words, MaxResults, cancellationToken)).Select(Of)];
        }

        var pages = await session.MayAsync(Policies.Admin) ? Pages.Concat(AdminPages) : Pages;
        found.AddRange(pages.Where(p => words.All(w => p.Name.Contains(w, StringComparison.OrdinalIgnoreCase))));
        if (words.Count > 0)
        {
            found.AddRange(
                (await projects.SearchAsync(words, MaxResults, cancellationToken)).Select(p => new PaletteItem(
                    p.Name,
                    "project",
                    $"/projects/{p.Id}",
                    Icons.Material.Outlined.Folder
                ))
            );
            found.AddRange(
                (await repositories.SearchAsync(words, MaxResults, cancellationToken)).Select(r => new PaletteItem(
                    $"{r.ProjectName} / {r.Name}",
                    "repository",
                    $"/repositories/{r.Id}",
                    Icons.Material.Outlined.Source
                ))
            );
        }

        if (found.Count < MaxResults)
        {
            var newest = await runs.ListAsync(new(), new PageRequest(PageRequest.MaxLimit), cancellationToken);
            found.AddRange(
                newest
                    .Items.Select(Of)
                    .Where(p =>
                        words.All(w =>
                            p.Name.Contains(w, StringComparison.OrdinalIgnoreCase) || p.Kind.Equals(w, StringComparison.OrdinalIgnoreCase)
                        )
                    )
            );
        }

        return [.. found.Take(MaxResults)];
    }

    private static PaletteItem Of(RunView run) =>
        new(
            $"{run.ProjectName} / {run.RepositoryName} #{run.RunNumber} {Display.Subject(run.CommitMessage)}",
            run.Status.Word(),
            $"/runs/{run.Id}",
            Display.Icon(run.Status)
        );
}
