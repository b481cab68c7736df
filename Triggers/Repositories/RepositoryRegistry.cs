using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Planning;

namespace Shipinator.Triggers.Repositories;

/// <summary>A repository to register.</summary>
public sealed record RepositoryRegistration
{
    /// <summary>Its project.</summary>
    public required ProjectId Project { get; init; }

    /// <summary>The provider: <c>git</c>.</summary>
    public required string VcsProvider { get; init; }

    /// <summary>An http or https URL, a file URL, or an absolute path on the server's machine.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>Absent or empty: the branch that the repository's HEAD names.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>Absent or empty: the last part of the clone URL.</summary>
    public string? Name { get; init; }

    /// <summary>Absent or empty: the installation's default.</summary>
    public string? Executor { get; init; }

    /// <summary>Absent or empty: <c>.shipinator.yaml</c>.</summary>
    public string? PipelineFile { get; init; }
}

/// <summary>A change of a repository: null leaves a field as it is; an empty executor or pipeline file returns to the default.</summary>
public sealed record RepositoryEdit
{
    /// <summary>A new name.</summary>
    public string? Name { get; init; }

    /// <summary>A new address.</summary>
    public string? CloneUrl { get; init; }

    /// <summary>A new default branch.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>A new executor.</summary>
    public string? Executor { get; init; }

    /// <summary>A new path of the pipeline file.</summary>
    public string? PipelineFile { get; init; }

    /// <summary>Whether everybody can load its badge.</summary>
    public bool? PublicBadge { get; init; }
}

/// <summary>
/// Registers, changes, syncs and removes repositories. Errors of every method: <see cref="NotFoundException"/>,
/// <see cref="MalformedException"/>, <see cref="StorageUnavailableException"/>.
/// </summary>
public sealed partial class RepositoryRegistry(
    ProjectStore projects,
    RepositoryStore repositories,
    IForgeRegistry forges,
    IClonePolicy policy,
    IRepositoryMirrors mirrors,
    IExecutorRegistry executors,
    RepositoryProbe probe,
    RunPlanning planning,
    FileSync sync,
    ILogger<RepositoryRegistry> logger
)
{
    /// <summary>
    /// Registers a repository whose default branch exists. Errors: <see cref="ForgeException"/> when it can't be reached, may not be cloned
    /// or lacks the branch; <see cref="ConflictException"/> <c>name_taken</c>; <see cref="InvalidInputException"/> for an unknown provider
    /// or executor.
    /// </summary>
    public async Task<RepositoryRow> RegisterAsync(RepositoryRegistration registration, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(registration);
        var provider = Fields.Text(registration.VcsProvider, "vcs_provider", Fields.Word) ?? "";
        forges.Get(provider);
        RequireExecutor(registration.Executor);
        var url = RepositoryFields.CloneUrl(registration.CloneUrl);
        policy.Check(url);
        var name = Fields.Name(string.IsNullOrWhiteSpace(registration.Name) ? RepositoryFields.NameOf(url) : registration.Name);
        var given = string.IsNullOrWhiteSpace(registration.DefaultBranch) ? null : RepositoryFields.Branch(registration.DefaultBranch);
        var path = RepositoryFields.PipelinePath(registration.PipelineFile);
        _ =
            await projects.GetAsync(registration.Project, cancellationToken)
            ?? throw new NotFoundException("project", registration.Project.ToString());
        var branch = RepositoryFields.Branch(await probe.RequireBranchAsync(provider, url, given, null, cancellationToken));
        var row = await repositories.CreateAsync(
            new(registration.Project, name, provider, url, branch, registration.Executor) { PipelineFile = path },
            cancellationToken
        );
        Registered(row.Id, row.ProjectName, row.Name, row.CloneUrl);
        return row;
    }

    /// <summary>
    /// Changes a repository. A new address or default branch is checked: the branch must exist there. Errors: as
    /// <see cref="RegisterAsync"/>.
    /// </summary>
    public async Task<RepositoryRow> UpdateAsync(RepositoryId id, RepositoryEdit edit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(edit);
        RequireExecutor(edit.Executor);
        var name = edit.Name is null ? null : Fields.Name(edit.Name);
        var url = edit.CloneUrl is null ? null : RepositoryFields.CloneUrl(edit.CloneUrl);
        if (url is not null)
        {
            policy.Check(url);
        }

        var branch = edit.DefaultBranch is null ? null : RepositoryFields.Branch(edit.DefaultBranch);
        var path = RepositoryFields.PipelinePath(edit.PipelineFile);
        var before = await ExistingAsync(id, cancellationToken);
        if (
            (url ?? before.CloneUrl, branch ?? before.DefaultBranch) is var (newUrl, newBranch)
            && (newUrl, newBranch) != (before.CloneUrl, before.DefaultBranch)
        )
        {
            await probe.RequireBranchAsync(before.VcsProvider, newUrl, newBranch, id, cancellationToken);
        }

        var row = await repositories.UpdateAsync(
            id,
            new(name, CloneUrl: url, DefaultBranch: branch, Executor: edit.Executor)
            {
                PipelineFile = path,
                PublicBadge = edit.PublicBadge,
            },
            cancellationToken
        );
        Changed(row.Id, row.ProjectName, row.Name);
        return row;
    }

    /// <summary>
    /// Reads the pipeline file at the default branch, creates a pipeline for each of its trigger types and makes the repository's schedules
    /// those of the file. Returns all pipelines of the repository. Errors: <see cref="ForgeException"/>,
    /// <see cref="PipelineFileException"/>; then nothing was changed.
    /// </summary>
    public async Task<IReadOnlyList<PipelineRow>> SyncAsync(RepositoryId id, CancellationToken cancellationToken)
    {
        var repository = await ExistingAsync(id, cancellationToken);
        var file = await forges
            .Get(repository.VcsProvider)
            .ReadAt(repository.ForForge(), repository.DefaultRef(), null, repository.PipelinePath(), cancellationToken);
        var result = await planning.ParseAsync(repository, file, cancellationToken);
        var model = result.Model ?? throw new PipelineFileException(result.Errors);
        var found = await sync.ApplyAsync(repository, model, cancellationToken);
        Synced(repository.Id, file.Head.Commit, found.Count);
        return found;
    }

    /// <summary>
    /// Removes a repository without runs, with its pipelines and its mirror. Errors: <see cref="ConflictException"/> <c>in_use</c>.
    /// </summary>
    public async Task RemoveAsync(RepositoryId id, CancellationToken cancellationToken)
    {
        await repositories.DeleteAsync(id, cancellationToken);
        Removed(id);
        await mirrors.Forget(id, cancellationToken);
    }

    private async Task<RepositoryRow> ExistingAsync(RepositoryId id, CancellationToken cancellationToken) =>
        await repositories.GetAsync(id, cancellationToken) ?? throw new NotFoundException("repository", id.ToString());

    private void RequireExecutor(string? executor)
    {
        if (Fields.Text(executor, "executor", Fields.Word) is { Length: > 0 } known)
        {
            executors.Get(known);
        }
    }

    [LoggerMessage(4521, LogLevel.Information, "Registered repository {Repository} ({Project}/{Name}, {CloneUrl})")]
    private partial void Registered(RepositoryId repository, string project, string name, string cloneUrl);

    [LoggerMessage(4522, LogLevel.Information, "Changed repository {Repository} ({Project}/{Name})")]
    private partial void Changed(RepositoryId repository, string project, string name);

    [LoggerMessage(4523, LogLevel.Information, "Synced repository {Repository} at commit {Commit}: {Count} pipelines")]
    private partial void Synced(RepositoryId repository, string commit, int count);

    [LoggerMessage(4524, LogLevel.Information, "Removed repository {Repository}")]
    private partial void Removed(RepositoryId repository);
}
