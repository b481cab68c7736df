using System.Collections.Immutable;
using Shipinator.Pipelines;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Planning;
using Shipinator.Triggers.Repositories;

namespace Shipinator.Triggers.Events;

/// <summary>The pipeline file for an event. A file that can't be decoded has errors, too.</summary>
/// <param name="Head">The commit that the file was read at; null when only its errors are known.</param>
/// <param name="Parsed">The model or its errors.</param>
internal sealed record EventFile(ResolvedRef? Head, PipelineFileResult Parsed);

/// <summary>Reads what an event needs from the repository's host. Errors: those of <see cref="IForge"/>.</summary>
public sealed class EventFiles(IForgeRegistry forges, RunPlanning planning)
{
    /// <summary>
    /// The pipeline file at a commit of a ref, or with <paramref name="commit"/> null at the ref; null when there is none. When the ref has
    /// moved on or is gone, the commit is still read if the host has it.
    /// </summary>
    internal async Task<EventFile?> ReadAsync(RepositoryRow repository, string fullRef, string? commit, CancellationToken cancellationToken)
    {
        var path = repository.PipelinePath();
        try
        {
            var file = await ReadAtAsync(repository, fullRef, commit, path, cancellationToken);
            return new(file.Head, await planning.ParseAsync(repository, file, cancellationToken));
        }
        catch (ForgeException e) when (e.Code == ForgeException.FileNotFound)
        {
            return null;
        }
        catch (ForgeException e) when (e.Code == ForgeException.NotUtf8)
        {
            return new(null, new(null, [new(ForgeException.NotUtf8, e.Message, path, 0, 0, "", "")]));
        }
    }

    /// <summary>The paths that differ from a commit, or from the default branch's merge base; null when they can't be determined.</summary>
    internal async Task<ImmutableArray<string>?> ChangedAsync(
        RepositoryRow repository,
        string? before,
        string commit,
        CancellationToken cancellationToken
    )
    {
        var forge = forges.Get(repository.VcsProvider);
        try
        {
            before ??= (await forge.Resolve(repository.ForForge(), repository.DefaultRef(), cancellationToken)).Commit;
            return Paths(await forge.ChangedFiles(repository.ForForge(), before, commit, cancellationToken));
        }
        catch (Exception e) when (IsUnknown(e))
        {
            return null;
        }
    }

    /// <summary>The paths that a pull request changes; null when they can't be determined.</summary>
    internal async Task<ImmutableArray<string>?> ChangedAsync(
        RepositoryRow repository,
        ForgePullRequest pull,
        CancellationToken cancellationToken
    )
    {
        if (forges.Get(repository.VcsProvider) is not IPullRequestForge forge)
        {
            var baseCommit = pull.BaseCommit;
            if (baseCommit is null)
            {
                try
                {
                    var head = await forges
                        .Get(repository.VcsProvider)
                        .Resolve(repository.ForForge(), RepositoryRows.FullBranch(pull.BaseBranch), cancellationToken);
                    baseCommit = head.Commit;
                }
                catch (Exception e) when (IsUnknown(e))
                {
                    return null;
                }
            }

            return await ChangedAsync(repository, baseCommit, pull.HeadCommit, cancellationToken);
        }

        try
        {
            return Paths(await forge.PullRequestFiles(repository.ForForge(), pull.Number, cancellationToken));
        }
        catch (Exception e) when (IsUnknown(e))
        {
            return null;
        }
    }

    /// <summary>The message and the author of a commit; null when the host does not have it.</summary>
    internal async Task<ResolvedRef?> DescribeAsync(RepositoryRow repository, string commit, CancellationToken cancellationToken)
    {
        try
        {
            return await forges.Get(repository.VcsProvider).ResolveCommit(repository.ForForge(), commit, cancellationToken);
        }
        catch (Exception e) when (IsUnknown(e))
        {
            return null;
        }
    }

    private async Task<CommitFile> ReadAtAsync(
        RepositoryRow repository,
        string fullRef,
        string? commit,
        string path,
        CancellationToken cancellationToken
    )
    {
        var forge = forges.Get(repository.VcsProvider);
        try
        {
            return await forge.ReadAt(repository.ForForge(), fullRef, commit, path, cancellationToken);
        }
        catch (ForgeException e) when (commit is not null && e.Code is ForgeException.RefNotFound or ForgeException.CommitNotInRef)
        {
            if (fullRef.StartsWith("refs/tags/", StringComparison.Ordinal) && await TagAsync(forge) is { } tagged)
            {
                return tagged;
            }

            var file = await forge.ReadAt(repository.ForForge(), commit!, commit, path, cancellationToken);
            return file with { Head = file.Head with { FullRef = fullRef } };
        }

        // The commit of an annotated tag may be reported as the tag object.
        async Task<CommitFile?> TagAsync(IForge forge)
        {
            try
            {
                return await forge.ReadAt(repository.ForForge(), fullRef, null, path, cancellationToken);
            }
            catch (ForgeException e) when (e.Code == ForgeException.RefNotFound)
            {
                return null;
            }
        }
    }

    /// <summary>Whether the answer can't be determined, so that filters hold; anything else is retried.</summary>
    private static bool IsUnknown(Exception error) =>
        error
            is ForgeException { Code: ForgeException.RefNotFound or ForgeException.CommitNotInRef or ForgeException.RefAmbiguous }
                or ForgeRequestException { Code: ForgeRequestException.NotFound or ForgeRequestException.Refused };

    private static ImmutableArray<string>? Paths(IReadOnlyList<string>? paths) =>
        paths is null || paths.Count > PipelineLimits.ChangedFiles ? null : [.. paths];
}
