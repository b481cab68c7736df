using System.Text.Json;
using Octokit.Webhooks.Events;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Webhooks;

/// <summary>
/// Every delivery that a real Gitea sent and every example of GitHub: recognized, verified and parsed, with a stated outcome.
/// </summary>
public sealed class RecordedDeliveryTests
{
    [Fact]
    public void OfGitea_EachHasItsOutcome()
    {
        Assert.Equal(310, RecordedDelivery.OfGitea.Count);
        var wrong = new List<string>();
        foreach (var delivery in RecordedDelivery.OfGitea)
        {
            var request = WebhookCases.Request(delivery);
            Assert.Equal("gitea", WebhookCases.Forges.Recognize(request)?.Provider);
            var outcome = Outcome(WebhookCases.Gitea, request);
            if (outcome != delivery.Outcome)
            {
                wrong.Add($"{delivery.Name}: expected {delivery.Outcome}, but was {outcome}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void OfGitea_SignaturesAreThoseOfTheirSecret()
    {
        foreach (var delivery in RecordedDelivery.OfGitea)
        {
            var request = WebhookCases.Request(delivery);
            Assert.True(
                delivery.IsSigned == WebhookCases.Gitea.IsSigned(request, ["another", delivery.Secret ?? ""]),
                $"{delivery.Name}: expected {(delivery.IsSigned ? "" : "not ")}to be signed"
            );
            Assert.False(WebhookCases.Gitea.IsSigned(request, ["another", ""]), delivery.Name);
        }
    }

    [Fact]
    public void OfGitea_NamesOfRepositoryAndSender_AreThere()
    {
        foreach (var delivery in RecordedDelivery.OfGitea.Where(d => d.Outcome != "refused"))
        {
            var found = WebhookCases.Gitea.Parse(WebhookCases.Request(delivery));
            Assert.Contains('/', found.Event.Repository!);
            // The made-up delivery of an empty repository has a sender, too.
            Assert.False(string.IsNullOrEmpty(found.Event.Sender), delivery.Name);
            Assert.Equal(36, found.DeliveryId!.Length);
        }
    }

    [Fact]
    public void OfGitHub_EachHasItsOutcome()
    {
        Assert.Equal(265, RecordedDelivery.OfGitHub.Count);
        var wrong = new List<string>();
        foreach (var delivery in RecordedDelivery.OfGitHub)
        {
            var request = WebhookCases.Request(delivery);
            Assert.Equal("github", WebhookCases.Forges.Recognize(request)?.Provider);
            var outcome = Outcome(WebhookCases.GitHub, request);
            if (outcome != delivery.Outcome)
            {
                wrong.Add($"{delivery.Name}: expected {delivery.Outcome}, but was {outcome}");
            }
        }

        Assert.Empty(wrong);
    }

    /// <summary>GitHub's own types read the same from its examples as our reader of a few members.</summary>
    [Fact]
    public void OfGitHub_OctokitReadsTheSame()
    {
        var compared = 0;
        foreach (var delivery in RecordedDelivery.OfGitHub)
        {
            var found = WebhookCases.GitHub.Parse(WebhookCases.Request(delivery)).Event;
            if (found is ForgePush push)
            {
                var theirs = JsonSerializer.Deserialize<PushEvent>(delivery.Body)!;
                Assert.Equal(theirs.Ref, push.Ref);
                Assert.Equal(theirs.Deleted, push.IsDeleted);
                Assert.Equal(theirs.Created, push.Before is null);
                Assert.Equal(theirs.Forced, push.IsForced);
                Assert.Equal(theirs.HeadCommit?.Message, push.Message);
                Assert.Equal(theirs.Compare, push.CompareUrl);
                Assert.Equal(theirs.Sender?.Login, push.Sender);
                compared++;
            }
            else if (found is ForgePullRequest pull)
            {
                var theirs = JsonSerializer.Deserialize<PullRequestEvent>(delivery.Body)!;
                Assert.Equal(theirs.PullRequest.Number, pull.Number);
                Assert.Equal(theirs.PullRequest.Title, pull.Title);
                Assert.Equal(theirs.PullRequest.HtmlUrl, pull.Url);
                Assert.Equal(theirs.PullRequest.Head.Sha, pull.HeadCommit);
                Assert.Equal(theirs.PullRequest.Base.Sha, pull.BaseCommit);
                Assert.Equal(theirs.PullRequest.Base.Ref, pull.BaseBranch);
                Assert.Equal(theirs.PullRequest.Draft, pull.IsDraft);
                Assert.Equal(theirs.PullRequest.User.Login, pull.Author);
                Assert.Equal(theirs.Sender?.Login, pull.Sender);
                compared++;
            }
        }

        Assert.Equal(45, compared);
    }

    private static string Outcome(IWebhookForge forge, WebhookRequest request)
    {
        try
        {
            return WebhookCases.Outcome(forge.Parse(request).Event);
        }
        catch (InvalidInputException e) when (e.Code == "payload_malformed")
        {
            return "refused";
        }
    }
}
