using System.Text;
using Shipinator.Forges.Api;

namespace Shipinator.Forges.Gitea;

/// <summary>Which rights the credential of a repository has on Gitea, Forgejo or Gogs.</summary>
internal static class GiteaRights
{
    private const string Token = "Set a token of the forge as the repository's credential.";
    private const string Read = "Check the clone URL, and grant the token 'read:repository'; its user must be able to see the repository.";
    private const string Statuses = "Grant the token 'write:repository'; its user must be able to write to the repository.";
    private const string Hooks = "Grant the token 'write:repository'; its user must administer the repository.";

    private const string NoJson = "{";

    /// <summary>For Gogs: its response to what is no JSON is 400, as to other mistakes, but to an unknown kind of webhook 422.</summary>
    private const string NoType = """{"type":"none","config":{"url":""},"events":[],"active":false}""";

    public static async Task<IReadOnlyList<ForgeRight>> CheckAsync(
        ApiSession session,
        bool hasStatuses,
        CancellationToken cancellationToken
    )
    {
        // A wrong token is not refused by older versions: it counts as none. Only this route says so.
        var user = session.HasCredential ? await Get(session.Api.At("user")) : null;
        // 403: the token is valid, but may not read its user, which nothing else needs.
        var authenticate = user is null
            ? RightProbe.Missing("authenticate", "The repository has no credential. " + Token)
            : RightProbe.Of("authenticate", user, "The token or password is invalid or revoked. " + Token, 200, 403);
        var isKnown = authenticate.IsGranted != false;
        return
        [
            authenticate,
            RightProbe.Of("read", await Get(session.Api.InRepository()), Read, 200),
            .. hasStatuses
                ?
                [
                    isKnown
                        ? await ProbeAsync("statuses", Statuses, NoJson, "statuses", new string('0', 40))
                        : RightProbe.Missing("statuses", Token),
                ]
                : Array.Empty<ForgeRight>(),
            isKnown ? await ProbeAsync("hooks", Hooks, hasStatuses ? NoJson : NoType, "hooks") : RightProbe.Missing("hooks", Token),
        ];

        Task<ApiResponse> Get(Uri address) => session.SendAsync(HttpMethod.Get, address, null, cancellationToken);

        // Nothing is created by such a body; rights are checked before it.
        async Task<ForgeRight> ProbeAsync(string name, string missing, string body, params string[] parts) =>
            RightProbe.Of(
                name,
                await session.SendAsync(
                    new(HttpMethod.Post, session.Api.InRepository(parts)) { Body = Encoding.UTF8.GetBytes(body) },
                    cancellationToken
                ),
                missing,
                422
            );
    }
}
