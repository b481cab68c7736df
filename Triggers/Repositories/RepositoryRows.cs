using Shipinator.Pipelines;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Repositories;

/// <summary>Values derived from the row of a repository.</summary>
public static class RepositoryRows
{
    /// <summary>The prefix of full refs of branches.</summary>
    public const string Heads = "refs/heads/";

    /// <summary>The repository as a forge needs it.</summary>
    public static ForgeRepository ForForge(this RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return new(repository.Id, repository.CloneUrl, repository.DefaultBranch);
    }

    /// <summary>The full ref of the default branch. A tag may have the same short name.</summary>
    public static string DefaultRef(this RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return FullBranch(repository.DefaultBranch);
    }

    /// <summary>The ref to resolve: the name of the default branch means that branch, even if a tag has the same name.</summary>
    public static string RefOf(this RepositoryRow repository, string gitRef)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return gitRef == repository.DefaultBranch ? repository.DefaultRef() : gitRef;
    }

    /// <summary>The full ref of a schedule's branch.</summary>
    internal static string RefOf(this ScheduleRow schedule, RepositoryRow repository) =>
        schedule.Branch is { } branch ? FullBranch(branch) : repository.DefaultRef();

    /// <summary>The path of the pipeline file below the root.</summary>
    public static string PipelinePath(this RepositoryRow repository)
    {
        ArgumentNullException.ThrowIfNull(repository);
        return repository.PipelineFile ?? PipelineFile.DefaultName;
    }

    internal static string FullBranch(string branch) => branch.StartsWith("refs/", StringComparison.Ordinal) ? branch : Heads + branch;
}
