using Shipinator.Pipelines;

namespace Shipinator.WebFrontend.Triggers;

/// <summary>What the check of a repository found: that it can be cloned, its branches, and what its pipeline file holds.</summary>
/// <param name="Branches">Branch names, the default first.</param>
/// <param name="Commit">The commit of the default branch.</param>
/// <param name="Triggers">The trigger types of the pipeline file; null when it has none or a wrong one.</param>
/// <param name="Errors">What is wrong with the pipeline file.</param>
/// <param name="MissingFile">Why there is no pipeline file, when there is none.</param>
public sealed record RepositoryCheck(
    IReadOnlyList<string> Branches, string Commit, IReadOnlyList<string>? Triggers, IReadOnlyList<PipelineError> Errors, string? MissingFile);

/// <summary>Looks at a repository before it is added.</summary>
public sealed class RepositoryAdding(IForgeRegistry forges, TimeProvider time)
{
    private const string Branches = "refs/heads/";

    /// <summary>Errors: <see cref="ForgeException"/> when it can't be cloned or the branch is not there.</summary>
    public async Task<RepositoryCheck> CheckAsync(string provider, string cloneUrl, string defaultBranch, string? pipelineFile, CancellationToken cancellationToken)
    {
        var forge = forges.Get(provider);
        // Under an id of its own: the clone that was made for the check is not the repository's.
        var repository = new ForgeRepository(RepositoryId.New(time), cloneUrl, defaultBranch);
        var refs = await forge.ListRefs(repository, cancellationToken);
        var head = await forge.Resolve(repository, defaultBranch, cancellationToken);
        var branches = refs.Where(r => r.StartsWith(Branches, StringComparison.Ordinal)).Select(r => r[Branches.Length..])
            .OrderBy(b => b == defaultBranch ? 0 : 1).ThenBy(b => b, StringComparer.Ordinal).ToList();
        try
        {
            var path = pipelineFile ?? PipelineFile.DefaultName;
            var file = PipelineFile.Parse(await forge.ReadFile(repository, head.Commit, path, cancellationToken), path);
            return new(branches, head.Commit, file.Model?.TriggerTypes, file.Errors, null);
        }
        catch (ForgeException e)
        {
            return new(branches, head.Commit, null, [], e.Message);
        }
    }
}
