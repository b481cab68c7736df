using System.Globalization;
using MudBlazor;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>Somewhere to go, as the command palette names it.</summary>
public sealed record Place(string Name, string Kind, string Href, string Icon);

/// <summary>Finds pages, projects, repositories and runs by what a person types.</summary>
public sealed class PlaceSearch(ProjectStore projects, RepositoryStore repositories, RunQueries runs, Session session)
{
    private const int Most = 12;

    private static readonly Place[] Pages =
    [
        new("Overview", "page", "/", Icons.Material.Outlined.Dashboard),
        new("Runs", "page", "/runs", Icons.Material.Outlined.PlayCircle),
        new("Running now", "page", "/runs?status=running", Icons.Material.Outlined.PlayCircle),
        new("Failed runs", "page", "/runs?status=failed", Icons.Material.Outlined.PlayCircle),
        new("Projects", "page", "/projects", Icons.Material.Outlined.Folder),
        new("API", "page", "/scalar", Icons.Material.Outlined.Api),
    ];

    private static readonly Place[] AdminPages =
    [
        new("API tokens", "page", "/settings/tokens", Icons.Material.Outlined.Key),
        new("Cluster", "page", "/admin", Icons.Material.Outlined.Dns),
    ];

    /// <summary>The best places for a text; for none the pages and the newest runs. A number, with or without #, is a run's.</summary>
    public async Task<IReadOnlyList<Place>> FindAsync(string text, CancellationToken cancellationToken)
    {
        var typed = text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(w => w is not ("/" or "#"))
            .ToList();
        var number = typed
            .Select(w => long.TryParse(w.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : (long?)null)
            .FirstOrDefault(n => n is not null);
        var words = typed.Where(w => !long.TryParse(w.TrimStart('#'), NumberStyles.None, CultureInfo.InvariantCulture, out _)).ToList();
        var found = new List<Place>();
        if (number is { } wanted)
        {
            return [.. (await runs.NumberedAsync(wanted, words, Most, cancellationToken)).Select(Of)];
        }

        var pages = await session.MayAsync(Policies.Admin) ? Pages.Concat(AdminPages) : Pages;
        found.AddRange(pages.Where(p => words.All(w => p.Name.Contains(w, StringComparison.OrdinalIgnoreCase))));
        if (words.Count > 0)
        {
            found.AddRange(
                (await projects.SearchAsync(words, Most, cancellationToken)).Select(p => new Place(
                    p.Name,
                    "project",
                    $"/projects/{p.Id}",
                    Icons.Material.Outlined.Folder
                ))
            );
            found.AddRange(
                (await repositories.SearchAsync(words, Most, cancellationToken)).Select(r => new Place(
                    $"{r.ProjectName} / {r.Name}",
                    "repository",
                    $"/repositories/{r.Id}",
                    Icons.Material.Outlined.Source
                ))
            );
        }

        if (found.Count < Most)
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

        return [.. found.Take(Most)];
    }

    private static Place Of(RunView run) =>
        new(
            $"{run.ProjectName} / {run.RepositoryName} #{run.RunNumber} {Say.Subject(run.CommitMessage)}",
            run.Status.Word(),
            $"/runs/{run.Id}",
            Say.Icon(run.Status)
        );
}
