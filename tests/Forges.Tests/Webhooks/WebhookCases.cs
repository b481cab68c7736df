using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Forges.Gitea;
using Shipinator.Forges.GitHub;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Webhooks;

/// <summary>Forges that only parse, requests made of text, and outcomes as one line.</summary>
internal static class WebhookCases
{
    public const string Secret = "It's a Secret to Everybody";

    private static readonly IForgeRegistry Registry = new ServiceCollection()
        .AddLogging()
        .AddSingleton<IConfiguration>(new ConfigurationBuilder().Build())
        .AddGitForge(o => o.CacheRoot = "/nonexistent")
        .BuildServiceProvider()
        .GetRequiredService<IForgeRegistry>();

    public static readonly GitHubForge GitHub = (GitHubForge)Registry.Get("github");
    public static readonly GiteaForge Gitea = (GiteaForge)Registry.Get("gitea");
    public static readonly ForgejoForge Forgejo = (ForgejoForge)Registry.Get("forgejo");
    public static readonly GogsForge Gogs = (GogsForge)Registry.Get("gogs");
    public static readonly IReadOnlyList<IWebhookForge> All = [GitHub, Gogs, Gitea, Forgejo];
    public static readonly WebhookForges Forges = new(All);

    public static WebhookRequest Request(RecordedDelivery delivery) =>
        new(
            new Dictionary<string, string>(delivery.Headers, StringComparer.OrdinalIgnoreCase),
            delivery.Headers.GetValueOrDefault("Content-Type"),
            delivery.Body
        );

    public static WebhookRequest Request(string body, params (string Name, string Value)[] headers) =>
        Request(Encoding.UTF8.GetBytes(body), "application/json", headers);

    public static WebhookRequest Request(byte[] body, string? type, params (string Name, string Value)[] headers) =>
        new(headers.ToDictionary(h => h.Name, h => h.Value, StringComparer.OrdinalIgnoreCase), type, body);

    /// <summary>The header that names the event, as each forge spells it.</summary>
    public static (string, string) Event(IWebhookForge forge, string name) =>
        (
            forge.Provider switch
            {
                "github" => "X-GitHub-Event",
                "gogs" => "X-Gogs-Event",
                "forgejo" => "X-Forgejo-Event",
                _ => "X-Gitea-Event",
            },
            name
        );

    public static string Hex(string secret, string body) => Hex(secret, Encoding.UTF8.GetBytes(body));

    public static string Hex(string secret, byte[] body) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    public static InvalidInputException Refused(IWebhookForge forge, WebhookRequest request)
    {
        var error = Assert.Throws<InvalidInputException>(() => forge.Parse(request));
        Assert.Equal("payload_malformed", error.Code);
        return error;
    }

    /// <summary>An event in the form of <see cref="RecordedDelivery.Outcome"/>.</summary>
    public static string Outcome(ForgeEvent found) =>
        found switch
        {
            ForgePush p => $"push {p.Ref} {Short(p.Before)} {Short(p.After)}{(p.IsForced ? " forced" : "")}",
            ForgePullRequest p => FormattableString.Invariant(
                $"pull_request {p.Action} {p.Number} {Short(p.HeadCommit)} {p.HeadBranch ?? "-"} {p.HeadRepository ?? "-"} {p.BaseBranch}"
            )
                + (p.IsFork ? " fork" : "")
                + (p.IsDraft ? " draft" : "")
                + (p.IsMerged ? " merged" : ""),
            ForgePing => "ping",
            ForgeIgnored => "ignored",
            _ => found.GetType().Name,
        };

    private static string Short(string? commit) => commit is null ? "-" : commit[..10];
}
