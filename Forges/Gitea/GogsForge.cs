using Shipinator.Forges.Api;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Gitea;

/// <summary>
/// Gogs: it has no commit statuses, reports tags by other events than Gitea, and does not report the commit of a pull request.
/// </summary>
public sealed class GogsForge : GiteaFamilyForge
{
    internal GogsForge(GitForge git, ForgeApi api)
        : base(git, api, new("Gogs", TagsAreCreated: true), new(["gogs"], ["push", "create", "delete"])) { }

    /// <inheritdoc/>
    public override string Provider => "gogs";

    /// <inheritdoc/>
    public override int RecognitionOrder => 30;

    /// <inheritdoc/>
    private protected override bool HasStatuses => false;

    /// <summary>Always an error: the API of Gogs can't do it.</summary>
    public override Task TestHook(ForgeRepository repository, ForgeHook hook, CancellationToken cancellationToken) =>
        throw new ForgeRequestException(
            ForgeRequestException.Refused,
            "Gogs has no API for test deliveries. Press 'Test Delivery' in the webhook's settings on Gogs.",
            isTransient: false
        );
}
