using System.Globalization;
using System.Net;
using Shipinator.Client;

namespace Shipinator.Cli.Server;

/// <summary>Finds projects, repositories and runs by what users type: names, numbers, IDs and ID prefixes.</summary>
internal sealed class Catalog(ShipinatorClient client)
{
    /// <summary>Finds a project by name or ID. Errors: <see cref="CliException"/>.</summary>
    public async Task<ProjectResponse> ProjectAsync(string name, CancellationToken cancellationToken) =>
        await FindProjectAsync(name, cancellationToken)
        ?? throw new CliException(
            ExitCodes.NotFound,
            $"Project '{name}' does not exist. Run 'shipinator projects list' to list all projects."
        );

    /// <summary>Finds a project by name or ID, or returns null.</summary>
    public async Task<ProjectResponse?> FindProjectAsync(string name, CancellationToken cancellationToken)
    {
        await foreach (var project in client.ListProjectsAsync(cancellationToken))
        {
            if (project.Name == name || project.Id == name)
            {
                return project;
            }
        }

        return null;
    }

    /// <summary>Lists all repositories, or those of one project.</summary>
    public async Task<List<RepositoryResponse>> RepositoriesAsync(string? project, CancellationToken cancellationToken)
    {
        var projects = new List<ProjectResponse>();
        if (project is not null)
        {
            projects.Add(await ProjectAsync(project, cancellationToken));
        }
        else
        {
            await foreach (var one in client.ListProjectsAsync(cancellationToken))
            {
                projects.Add(one);
            }
        }

        var repositories = new List<RepositoryResponse>();
        foreach (var one in projects)
        {
            await foreach (var repository in client.ListRepositoriesAsync(one.Id, cancellationToken))
            {
                repositories.Add(repository);
            }
        }

        return repositories;
    }

    /// <summary>Finds a repository by name, <c>project/name</c>, ID or clone URL. Errors: <see cref="CliException"/>.</summary>
    public async Task<RepositoryResponse> RepositoryAsync(string name, CancellationToken cancellationToken)
    {
        var path = Directory.Exists(name) ? Path.GetFullPath(name) : name;
        var found = (await RepositoriesAsync(null, cancellationToken))
            .Where(r => r.Id == name || r.Name == name || $"{r.ProjectName}/{r.Name}" == name || r.CloneUrl == name || r.CloneUrl == path)
            .ToList();
        return found switch
        {
            [var one] => one,
            [] => throw new CliException(
                ExitCodes.NotFound,
                $"Repository '{name}' does not exist. Run 'shipinator repositories list' to list all repositories."
            ),
            _ => throw new CliException(
                ExitCodes.Usage,
                $"'{name}' is ambiguous: {string.Join(" or ", found.Select(r => $"{r.ProjectName}/{r.Name}"))}. Use PROJECT/NAME."
            ),
        };
    }

    /// <summary>
    /// Finds a run by ID, by ID prefix (among the newest 100 runs) or by number; null selects the newest run.
    /// Errors: <see cref="CliException"/>.
    /// </summary>
    public async Task<RunResponse> RunAsync(string? name, string? repository, CancellationToken cancellationToken)
    {
        if (name is not null && Guid.TryParse(name, out _))
        {
            return await client.GetRunAsync(name, cancellationToken);
        }

        var filter = repository is null
            ? ""
            : $"&repository={Uri.EscapeDataString((await RepositoryAsync(repository, cancellationToken)).Id)}";
        if (name is null)
        {
            return (await client.ListRunsAsync("limit=1" + filter, cancellationToken)).Items is [var newest]
                ? newest
                : throw new CliException(
                    ExitCodes.NotFound,
                    "There are no runs yet. Run 'shipinator run' in a Git repository to start one."
                );
        }

        var digits = name.TrimStart('#');
        if (
            (name.StartsWith('#') || name.Length < 8)
            && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        )
        {
            return Single(await ByNumberAsync(number, filter, repository is not null, cancellationToken), name);
        }

        var page = await client.ListRunsAsync("limit=100" + filter, cancellationToken);
        return Single([.. page.Items.Where(r => r.Id.StartsWith(name, StringComparison.OrdinalIgnoreCase))], name);
    }

    private async Task<List<RunResponse>> ByNumberAsync(
        long number,
        string filter,
        bool isOneRepository,
        CancellationToken cancellationToken
    )
    {
        var found = new List<RunResponse>();
        string? cursor = null;
        do
        {
            var page = await client.ListRunsAsync(
                $"limit=100{filter}" + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}"),
                cancellationToken
            );
            found.AddRange(page.Items.Where(r => r.RunNumber == number));
            // A number is unique within a repository. Without a repository only the newest 100 runs are searched.
            cursor = isOneRepository && found.Count == 0 ? page.NextCursor : null;
        } while (cursor is not null);

        return found;
    }

    private static RunResponse Single(List<RunResponse> found, string name) =>
        found switch
        {
            [var one] => one,
            [] => throw new CliException(
                ExitCodes.NotFound,
                $"Run '{name}' does not exist. Run 'shipinator list' to list runs; to select by number, add --repository."
            ),
            _ => throw new CliException(
                ExitCodes.Usage,
                $"'{name}' is ambiguous: {string.Join(" or ", found.Take(5).Select(r => $"{r.ProjectName}/{r.RepositoryName} {r.Id}"))}. "
                    + "Use the run ID or --repository."
            ),
        };

    /// <summary>Finds a run, or else the execution with this ID.</summary>
    public async Task<(RunResponse? Run, ExecutionResponse? Execution)> RunOrExecutionAsync(
        string? name,
        string? repository,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return (await RunAsync(name, repository, cancellationToken), null);
        }
        catch (ShipinatorApiException e) when (e.Status == HttpStatusCode.NotFound && name is not null)
        {
            return (null, await client.GetExecutionAsync(name, cancellationToken));
        }
    }
}
