using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>Gitea from 1.15.</summary>
public class GiteaForge : GiteaFamilyForge
{
    /// <summary>Does not access any server yet.</summary>
    public GiteaForge(GitForge git)
        : this(git, new("Gitea")) { }

    private protected GiteaForge(GitForge git, GiteaWebhooks webhooks)
        : base(git, webhooks) { }

    /// <inheritdoc/>
    public override string Provider => "gitea";

    /// <inheritdoc/>
    public override int RecognitionOrder => 20;
}
