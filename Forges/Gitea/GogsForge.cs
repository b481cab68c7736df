using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>
/// Gogs: it has no commit statuses, reports tags by other events than Gitea, and does not report the commit of a pull request.
/// </summary>
public sealed class GogsForge(GitForge git) : GiteaFamilyForge(git, new("Gogs", TagsAreCreated: true))
{
    /// <inheritdoc/>
    public override string Provider => "gogs";

    /// <inheritdoc/>
    public override int RecognitionOrder => 30;
}
