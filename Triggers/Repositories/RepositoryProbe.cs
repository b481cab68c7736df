using Shipinator.Pipelines;

namespace Shipinator.Triggers.Repositories;

/// <summary>The result of a successful check: the repository can be cloned.</summary>
/// <param name="Branches">Short names of its branches, the default branch first.</param>
/// <param name="DefaultBranch">The branch that was checked: the given one, else the one that the repository's HEAD points to.</param>
/// <param name="Commit">The commit of that branch.</param>
/// <param name="Triggers">The trigger types of the pipeline file; null when there is no file or it has errors.</param>
/// <param name="Errors">The errors of the pipeline file.</param>
/// <param name="MissingFile">Why the pipeline file can't be read; null when it can.</param>
public sealed record RepositoryCheck(
    IReadOnlyList<string> Branches,
    string DefaultBranch,
    string Commit,
    IReadOnlyList<string>? Triggers,
    IReadOnlyList<PipelineError> Errors,
    string? MissingFile
)
{
    /// <summary>Warnings: valid but probably unintended content of the file.</summary>
    public IReadOnlyList<PipelineError> Warnings { get; init; } = [];
}

/// <summary>Checks a repository before it is registered.</summary>
public sealed class RepositoryProbe(IForgeRegistry forges, IRepositoryMirrors mirrors, TimeProvider time)
{
    /// <summary>
    /// Clones the repository, checks the branch and its pipeline file, and removes the clone. Without a branch, that of the repository's
    /// HEAD is used. Errors: <see cref="MalformedException"/>; <see cref="ForgeException"/> when it can't be cloned or lacks the branch.
    /// </summary>
    public async Task<RepositoryCheck> CheckAsync(
        string provider,
        string cloneUrl,
        string? defaultBranch,
        string? pipelineFile,
        CancellationToken cancellationToken
    )
    {
        var url = RepositoryFields.CloneUrl(cloneUrl);
        var given = string.IsNullOrWhiteSpace(defaultBranch) ? null : RepositoryFields.Branch(defaultBranch);
        var path = RepositoryFields.PipelinePath(pipelineFile) is { Length: > 0 } named ? named : PipelineFile.DefaultName;
        var forge = forges.Get(provider);
        // The clone of a check is separate from the repository's mirror: it gets a temporary id and is removed at the end.
        var repository = new ForgeRepository(RepositoryId.New(time), url, given ?? "");
        try
        {
            var branch = given ?? await DefaultBranchAsync(forge, repository, cancellationToken);
            var refs = await forge.ListRefs(repository, cancellationToken);
            var head = await forge.Resolve(repository, RepositoryRows.FullBranch(branch), cancellationToken);
            var branches = refs.Where(r => r.StartsWith(RepositoryRows.Heads, StringComparison.Ordinal))
                .Select(r => r[RepositoryRows.Heads.Length..])
                .OrderBy(b => b == branch ? 0 : 1)
                .ThenBy(b => b, StringComparer.Ordinal)
                .ToList();
            try
            {
                var text = await forge.ReadFile(repository, head.Commit, path, cancellationToken);
                var file = PipelineFile.Parse(text, path, cancellationToken);
                return new(branches, branch, head.Commit, file.Model?.TriggerTypes, file.Errors, null) { Warnings = file.Warnings };
            }
            catch (ForgeException e)
            {
                return new(branches, branch, head.Commit, null, [], e.Message);
            }
        }
        finally
        {
            await mirrors.Forget(repository.Id, CancellationToken.None);
        }
    }

    /// <summary>
    /// The default branch to register: the given one, which must exist, else that of the repository's HEAD. Nothing is cloned. Errors:
    /// <see cref="ForgeException"/> when the repository can't be reached or lacks the branch.
    /// </summary>
    internal async Task<string> RequireBranchAsync(
        string provider,
        string cloneUrl,
        string? branch,
        RepositoryId? existing,
        CancellationToken cancellationToken
    )
    {
        var forge = forges.Get(provider);
        // An existing repository may have a credential of its own.
        var repository = new ForgeRepository(existing ?? RepositoryId.New(time), cloneUrl, branch ?? "");
        if (branch is null)
        {
            return await DefaultBranchAsync(forge, repository, cancellationToken);
        }

        return await forge.HasRef(repository, RepositoryRows.FullBranch(branch), cancellationToken)
            ? branch
            : throw new ForgeException(
                ForgeException.RefNotFound,
                $"default_branch '{Fields.Excerpt(branch)}' is not a branch of {cloneUrl}; use one of its branches."
            );
    }

    private static async Task<string> DefaultBranchAsync(IForge forge, ForgeRepository repository, CancellationToken cancellationToken) =>
        await forge.DefaultBranch(repository, cancellationToken)
        ?? throw new ForgeException(
            ForgeException.RefNotFound,
            $"The HEAD of {repository.CloneUrl} does not point to a branch; set default_branch to one of its branches."
        );
}
