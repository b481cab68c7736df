using Shipinator.Pipelines;

namespace Shipinator.WebFrontend.Triggers;

/// <summary>What the check of a repository found: that it can be cloned, its branches, and what its pipeline file holds.</summary>
/// <param name="Branches">Branch names, the default first.</param>
/// <param name="DefaultBranch">The branch that was looked at: the one that was asked for, else the one that the repository's HEAD names.</param>
/// <param name="Commit">The commit of the default branch.</param>
/// <param name="Triggers">The trigger types of the pipeline file; null when it has none or a wrong one.</param>
/// <param name="Errors">What is wrong with the pipeline file.</param>
/// <param name="MissingFile">Why there is no pipeline file, when there is none.</param>
public sealed record RepositoryCheck(
    IReadOnlyList<string> Branches,
    string DefaultBranch,
    string Commit,
    IReadOnlyList<string>? Triggers,
    IReadOnlyList<PipelineError> Errors,
    string? MissingFile
)
{
    /// <summary>What of the file is allowed and probably not meant.</summary>
    public IReadOnlyList<PipelineError> Warnings { get; init; } = [];
}

/// <summary>Looks at a repository before it is added.</summary>
public sealed class RepositoryAdding(IForgeRegistry forges, IRepositoryMirrors mirrors, TimeProvider time)
{
    private const string Branches = "refs/heads/";

    /// <summary>
    /// With no default branch given, the one that the repository's HEAD names is taken.
    /// Errors: <see cref="ForgeException"/> when it can't be cloned or the branch is not there.
    /// </summary>
    public async Task<RepositoryCheck> CheckAsync(
        string provider,
        string cloneUrl,
        string? defaultBranch,
        string? pipelineFile,
        CancellationToken cancellationToken
    )
    {
        var forge = forges.Get(provider);
        // Under an id of its own, and gone at the end: the clone that was made for the check is not the repository's.
        var repository = new ForgeRepository(RepositoryId.New(time), cloneUrl, defaultBranch ?? "");
        try
        {
            var branch = defaultBranch ?? await DefaultBranchAsync(forge, repository, cancellationToken);
            var refs = await forge.ListRefs(repository, cancellationToken);
            var head = await forge.Resolve(repository, Branches + branch, cancellationToken);
            var branches = refs.Where(r => r.StartsWith(Branches, StringComparison.Ordinal))
                .Select(r => r[Branches.Length..])
                .OrderBy(b => b == branch ? 0 : 1)
                .ThenBy(b => b, StringComparer.Ordinal)
                .ToList();
            try
            {
                var path = pipelineFile ?? PipelineFile.DefaultName;
                var file = PipelineFile.Parse(
                    await forge.ReadFile(repository, head.Commit, path, cancellationToken),
                    path,
                    cancellationToken
                );
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

    /// <summary>The branch that the repository's HEAD names. Errors: <see cref="ForgeException"/>.</summary>
    public async Task<string> DefaultBranchAsync(string provider, string cloneUrl, CancellationToken cancellationToken) =>
        await DefaultBranchAsync(forges.Get(provider), new(RepositoryId.New(time), cloneUrl, ""), cancellationToken);

    private static async Task<string> DefaultBranchAsync(IForge forge, ForgeRepository repository, CancellationToken cancellationToken) =>
        await forge.DefaultBranch(repository, cancellationToken)
        ?? throw new ForgeException(
            ForgeException.RefNotFound,
            $"The HEAD of {repository.CloneUrl} names no branch: say which one is the default branch."
        );
}
