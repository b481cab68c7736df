using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Webhooks;

/// <summary>Cases that no recording has.</summary>
public sealed class ParseTests
{
    private static readonly string Ones = new('1', 40);
    private static readonly string Twos = new('2', 40);
    private static readonly string Zeros = new('0', 40);

    [Fact]
    public void Push_ZerosOf64Digits_AreNull()
    {
        var zeros = new string('0', 64);
        var id = new string('A', 64);
        foreach (var forge in WebhookCases.All)
        {
            var created = Push(forge, $$"""{"ref":"refs/heads/b","before":"{{zeros}}","after":"{{id}}"}""");
            Assert.Equal((null, id.ToLowerInvariant()), (created.Before, created.After));
            var deleted = Push(forge, $$"""{"ref":"refs/heads/b","before":"{{id}}","after":"{{zeros}}"}""");
            Assert.True(deleted.IsDeleted);
        }
    }

    [Fact]
    public void Push_AnnotatedTag_IsItsCommit()
    {
        foreach (var forge in WebhookCases.All)
        {
            var push = Push(
                forge,
                $$"""{"ref":"refs/tags/v1","before":"{{Zeros}}","after":"{{Ones}}","head_commit":{"id":"{{Twos}}","message":"m"} }"""
            );
            Assert.Equal(Twos, push.After);
        }
    }

    [Fact]
    public void Push_OtherRef_IsIgnoredWithTheReason()
    {
        foreach (var forge in WebhookCases.All)
        {
            var found = Event(forge, "push", $$"""{"ref":"refs/notes/x","before":"{{Ones}}","after":"{{Twos}}"}""");
            Assert.Equal("'refs/notes/x' is neither a branch nor a tag.", Assert.IsType<ForgeIgnored>(found).Reason);
        }
    }

    [Fact]
    public void GitHub_PushThatListsItsCommits_GivesChangedFiles()
    {
        string Commit(string id, string files) => $$"""{"id":"{{id}}",{{files}}}""";
        string Body(string flags, params string[] commits) =>
            $$"""
                {"ref":"refs/heads/b","before":"{{Ones}}","after":"{{Twos}}"{{flags}},"commits":[{{string.Join(',', commits)}}]}
                """;
        var first = Commit(Ones, "\"added\":[\"b\"],\"removed\":[],\"modified\":[\"a\"]");
        var last = Commit(Twos, "\"added\":[],\"removed\":[\"c\"],\"modified\":[\"a\"]");
        Assert.Equal(["a", "b", "c"], Push(WebhookCases.GitHub, Body("", first, last)).ChangedFiles!);

        // Forced, cut, not up to the head, without lists: unknown, never a part.
        Assert.Null(Push(WebhookCases.GitHub, Body(",\"forced\":true", first, last)).ChangedFiles);
        Assert.Null(Push(WebhookCases.GitHub, Body("")).ChangedFiles);
        Assert.Null(Push(WebhookCases.GitHub, Body("", last, first)).ChangedFiles);
        Assert.Null(Push(WebhookCases.GitHub, Body("", [.. Enumerable.Repeat(first, 19), last])).ChangedFiles);
        Assert.Null(Push(WebhookCases.GitHub, Body("", Commit(Twos, "\"added\":[\"a\"]"))).ChangedFiles);
        Assert.Null(Push(WebhookCases.GitHub, Body("").Replace(Ones, Zeros, StringComparison.Ordinal)).ChangedFiles);
    }

    [Fact]
    public void Gogs_TagsComeByCreateAndDelete()
    {
        var created = Event(WebhookCases.Gogs, "create", $$"""{"ref":"v1","ref_type":"tag","sha":"{{Ones}}"}""");
        Assert.Equal("push refs/tags/v1 - 1111111111", WebhookCases.Outcome(created));
        var deleted = Event(WebhookCases.Gogs, "delete", """{"ref":"v1","ref_type":"tag"}""");
        Assert.Equal("push refs/tags/v1 - -", WebhookCases.Outcome(deleted));
        Assert.IsType<ForgeIgnored>(Event(WebhookCases.Gogs, "create", """{"ref":"b","ref_type":"branch"}"""));
        Assert.IsType<ForgeIgnored>(
            Event(WebhookCases.Gogs, "pull_request", """{"action":"opened","number":1,"pull_request":{"number":1,"head_branch":"b"}}""")
        );
    }

    [Fact]
    public void PullRequest_HeadRepositoryGone_IsAFork()
    {
        foreach (var forge in new IWebhookForge[] { WebhookCases.GitHub, WebhookCases.Gitea })
        {
            var found = Pull(forge, "opened", """ "head":{"sha":"SHA","ref":"b","repo":null} """, "");
            Assert.True(found.IsFork);
            Assert.Null(found.HeadRepository);
            Assert.Equal("refs/pull/7/head", found.HeadRef);
        }
    }

    [Theory]
    [InlineData("opened", "", PullRequestAction.Opened)]
    [InlineData("reopened", "", PullRequestAction.Reopened)]
    [InlineData("synchronize", "", PullRequestAction.Synchronized)]
    [InlineData("closed", "", PullRequestAction.Closed)]
    [InlineData("edited", ",\"changes\":{\"title\":{\"from\":\"x\"}}", PullRequestAction.Other)]
    [InlineData("edited", ",\"changes\":{\"base\":{\"ref\":{\"from\":\"x\"}},\"ref\":{\"from\":\"x\"}}", PullRequestAction.Retargeted)]
    [InlineData("edited", "", PullRequestAction.Other)]
    [InlineData("labeled", "", PullRequestAction.Other)]
    [InlineData("ready_for_review", "", PullRequestAction.Other)]
    [InlineData("an_action_of_the_future", "", PullRequestAction.Other)]
    public void PullRequest_Action_IsMapped(string action, string more, PullRequestAction expected)
    {
        foreach (var forge in new IWebhookForge[] { WebhookCases.GitHub, WebhookCases.Gitea, WebhookCases.Forgejo })
        {
            var found = Pull(forge, action, """ "head":{"sha":"SHA","ref":"b","repo":{"id":1,"full_name":"o/r"}} """, more);
            Assert.Equal((expected, false, "o/r"), (found.Action, found.IsFork, found.HeadRepository));
        }
    }

    [Theory]
    [InlineData("html_url", "\"javascript:alert(1)\"")]
    [InlineData("number", "0")]
    [InlineData("number", "1.5")]
    [InlineData("number", "99999999999")]
    public void PullRequest_WrongMember_IsRefused(string member, string value)
    {
        foreach (var forge in new IWebhookForge[] { WebhookCases.GitHub, WebhookCases.Gitea })
        {
            var body = PullBody("opened", """ "head":{"sha":"SHA","ref":"b","repo":null} """, "");
            var was = member == "number" ? "\"number\":7" : "\"html_url\":\"https://example.org/o/r/pull/7\"";
            Assert.Contains(was, body, StringComparison.Ordinal);
            var changed = body.Replace(was, $"\"{member}\":{value}", StringComparison.Ordinal);
            Assert.Contains(
                member,
                WebhookCases.Refused(forge, WebhookCases.Request(changed, WebhookCases.Event(forge, "pull_request"))).Message,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public void Gitea_DraftByTitleOrMember_IsADraft()
    {
        const string head = """ "head":{"sha":"SHA","ref":"b","repo":null} """;
        Assert.False(Pull(WebhookCases.Gitea, "opened", head, "").IsDraft);
        Assert.True(Pull(WebhookCases.Gitea, "opened", head + ",\"draft\":true", "").IsDraft);
        Assert.True(Pull(WebhookCases.Gitea, "opened", head, "", title: "wip: half").IsDraft);
        Assert.True(Pull(WebhookCases.Gitea, "opened", head, "", title: "[WIP] half").IsDraft);
        Assert.False(Pull(WebhookCases.GitHub, "opened", head, "", title: "WIP: half").IsDraft);
    }

    [Fact]
    public void Delivery_HasTheForgesIdAndEvent()
    {
        var delivery = RecordedDelivery.OfGitea.First(d => d.Name.Contains("20-webhook-push/01", StringComparison.Ordinal));
        var found = WebhookCases.Gitea.Parse(WebhookCases.Request(delivery));
        Assert.Equal(("0595ca91-b2b2-45a1-8094-c56041ab7a2b", "push"), (found.DeliveryId, found.EventName));
        Assert.Equal("harbour/crane", found.Event.Repository);
        var push = Assert.IsType<ForgePush>(found.Event);
        Assert.Equal(("crane: v3", "Dock Hand", "dock"), (push.Message, push.Author, push.Sender));
        Assert.EndsWith("...20d75ca6060a31c993461b2f17a92c97a71d1a83", push.CompareUrl!, StringComparison.Ordinal);
    }

    private static ForgeEvent Event(IWebhookForge forge, string name, string body) =>
        forge.Parse(WebhookCases.Request(body, WebhookCases.Event(forge, name))).Event;

    private static ForgePush Push(IWebhookForge forge, string body) => Assert.IsType<ForgePush>(Event(forge, "push", body));

    private static ForgePullRequest Pull(IWebhookForge forge, string action, string head, string more, string title = "T") =>
        Assert.IsType<ForgePullRequest>(Event(forge, "pull_request", PullBody(action, head, more, title)));

    private static string PullBody(string action, string head, string more, string title = "T") =>
        $$"""
            {"action":"{{action}}"{{more}},"pull_request":{"number":7,"title":"{{title}}","html_url":"https://example.org/o/r/pull/7",
             "base":{"ref":"main","sha":"{{Twos}}","repo":{"id":1,"full_name":"o/r"} },{{head.Replace(
                "SHA",
                Ones,
                StringComparison.Ordinal
            )}} } }
            """;
}
