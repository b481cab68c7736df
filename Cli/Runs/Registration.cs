using System.Net;
using Shipinator.Cli.Commands;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Runs;

/// <summary>Registers a working copy with the server if needed.</summary>
internal sealed class Registration(Session session)
{
    /// <summary>Finds the repository of a working copy, or returns null. Errors: <see cref="CliException"/>.</summary>
    public async Task<RepositoryResponse?> FindAsync(WorkingCopy copy, string? project)
    {
        var url = await CloneUrlAsync(copy);
        var known =
            project is null || await session.Catalog.FindProjectAsync(project, session.Token) is not null
                ? await session.Catalog.RepositoriesAsync(project, session.Token)
                : [];
        return known.Find(r => r.CloneUrl == url);
    }

    /// <summary>Finds or creates the repository of a working copy. Errors: <see cref="CliException"/>.</summary>
    public async Task<RepositoryResponse> EnsureAsync(WorkingCopy copy, string? project, string? pipelineFile)
    {
        if (await FindAsync(copy, project) is { } known)
        {
            return known;
        }

        var url = await CloneUrlAsync(copy);
        var owner = await EnsureProjectAsync(project ?? copy.Name);

        var branch =
            await copy.DefaultBranchAsync(session.Token)
            ?? throw new CliException(ExitCodes.Usage, $"{copy.Root} has no branch. Create one with 'git switch -c main'.");
        try
        {
            return await session.Client.CreateRepositoryAsync(
                owner.Id,
                new()
                {
                    VcsProvider = "git",
                    CloneUrl = url,
                    DefaultBranch = branch,
                    Name = copy.Name,
                    PipelineFile = pipelineFile,
                },
                session.Token
            );
        }
        catch (ShipinatorApiException e) when (e.Status == HttpStatusCode.Conflict)
        {
            // Registered concurrently, or the name belongs to another repository.
            return await FindAsync(owner, url)
                ?? throw new CliException(
                    ExitCodes.Invalid,
                    $"Project '{owner.Name}' already has another repository '{copy.Name}' ({e.Message}). "
                        + "Choose another project with --project.",
                    e
                );
        }
    }

    private async Task<RepositoryResponse?> FindAsync(ProjectResponse owner, string url)
    {
        await foreach (var repository in session.Client.ListRepositoriesAsync(owner.Id, session.Token))
        {
            if (repository.CloneUrl == url)
            {
                return repository;
            }
        }

        return null;
    }

    private async Task<ProjectResponse> EnsureProjectAsync(string name)
    {
        if (await session.Catalog.FindProjectAsync(name, session.Token) is { } known)
        {
            return known;
        }

        try
        {
            return await session.Client.CreateProjectAsync(new() { Name = name }, session.Token);
        }
        catch (ShipinatorApiException e) when (e.Status == HttpStatusCode.Conflict)
        {
            // Created concurrently.
            return await session.Catalog.ProjectAsync(name, session.Token);
        }
    }

    /// <summary>The folder itself for a server on this machine, else the URL of <c>origin</c>.</summary>
    private async Task<string> CloneUrlAsync(WorkingCopy copy)
    {
        if (session.Connection.Server.IsLoopback)
        {
            return copy.Root;
        }

        return
            await copy.OriginAsync(session.Token) is { } origin
            && Uri.TryCreate(origin, UriKind.Absolute, out var uri)
            && (uri.Scheme is "http" or "https")
            ? new UriBuilder(uri) { UserName = "", Password = "" }.Uri.ToString()
            : throw new CliException(
                ExitCodes.Usage,
                $"Server {session.Connection.Server} runs on another machine and can't access {copy.Root}, "
                    + "and the repository's 'origin' is not an http(s) URL. "
                    + "Register the repository with 'shipinator repositories add', push, and use 'shipinator trigger'."
            );
    }
}
