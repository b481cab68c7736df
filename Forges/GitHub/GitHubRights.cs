using System.Text;
using Shipinator.Forges.Api;

namespace Shipinator.Forges.GitHub;

/// <summary>Which rights the credential of a repository has on GitHub.</summary>
internal static class GitHubRights
{
    private const string Token = "Set a token of GitHub as the repository's credential.";
    private const string Read = "Grant it 'repo' (classic token), or this repository and 'Contents: read' (fine-grained token).";
    private const string Statuses = "Grant it 'repo:status' (classic token) or 'Commit statuses: read and write' (fine-grained token).";
    private const string Hooks =
        "Grant it 'admin:repo_hook' (classic token) or 'Webhooks: read and write' (fine-grained token); its user must administer the "
        + "repository.";

    public static async Task<IReadOnlyList<ForgeRight>> CheckAsync(ApiSession session, CancellationToken cancellationToken)
    {
        if (!session.HasCredential)
        {
            return
            [
                RightProbe.Missing("authenticate", "The repository has no credential. " + Token),
                Found(await Get(session.Api.InRepository()), "read", Read),
                RightProbe.Missing("statuses", Token),
                RightProbe.Missing("hooks", Token),
            ];
        }

        var user = await Get(session.Api.At("user"));
        // The token of an app's installation is accepted, but has no user.
        var authenticate = RightProbe.Of("authenticate", user, "The token is invalid, expired or revoked. " + Token, 200, 403);
        if (authenticate.IsGranted == false)
        {
            return
            [
                authenticate,
                RightProbe.Missing("read", Token),
                RightProbe.Missing("statuses", Token),
                RightProbe.Missing("hooks", Token),
            ];
        }

        return
        [
            authenticate,
            Found(await Get(session.Api.InRepository()), "read", Read),
            // There is no such commit, so nothing is posted.
            RightProbe.Of("statuses", await Post("""{"state":"pending"}""", "statuses", new string('0', 40)), Statuses, 422),
            // There is no URL, so nothing is created.
            RightProbe.Of("hooks", await Post("""{"name":"web","active":false,"config":{}}""", "hooks"), Hooks, 422),
        ];

        Task<ApiResponse> Get(Uri address) => session.SendAsync(HttpMethod.Get, address, null, cancellationToken);

        Task<ApiResponse> Post(string body, params ReadOnlySpan<string> parts) =>
            session.SendAsync(
                new(HttpMethod.Post, session.Api.InRepository(parts)) { Body = Encoding.UTF8.GetBytes(body) },
                cancellationToken
            );
    }

    private static ForgeRight Found(ApiResponse response, string name, string missing) => RightProbe.Of(name, response, missing, 200);
}
