using Shipinator.Forges.Api;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>
/// Forgejo: Gitea's API, and headers of its own next to Gitea's. A webhook of the kind "Gitea" there is recognized as Gitea's.
/// </summary>
public sealed class ForgejoForge : GiteaForge
{
    internal ForgejoForge(GitForge git, ForgeApi api)
        : base(git, api, new("Forgejo"), new(["forgejo", "gitea"], Events)) { }

    /// <inheritdoc/>
    public override string Provider => "forgejo";

    /// <inheritdoc/>
    public override int RecognitionOrder => 10;
}
