using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>
/// Forgejo: Gitea's API, and headers of its own next to Gitea's. A webhook of the kind "Gitea" there is recognized as Gitea's.
/// </summary>
public sealed class ForgejoForge(GitForge git) : GiteaForge(git, new("Forgejo"))
{
    /// <inheritdoc/>
    public override string Provider => "forgejo";

    /// <inheritdoc/>
    public override int RecognitionOrder => 10;
}
