using System.Text;
using CsCheck;

namespace Shipinator.Forges.Tests.Webhooks;

/// <summary>Which requests count as signed, and from which forge they are.</summary>
public sealed class SignatureTests
{
    private const string Body = "Hello, World!";
    private static readonly (string, string) Push = ("X-GitHub-Event", "push");

    /// <summary>The example of GitHub's documentation.</summary>
    private const string Known = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    [Fact]
    public void GitHub_KnownSignature_IsValid()
    {
        Assert.Equal(Known, WebhookCases.Hex(WebhookCases.Secret, Body));
        var request = WebhookCases.Request(Body, Push, ("X-Hub-Signature-256", "sha256=" + Known));
        Assert.True(WebhookCases.GitHub.IsSigned(request, [WebhookCases.Secret]));
        Assert.True(WebhookCases.GitHub.IsSigned(request, ["new", WebhookCases.Secret]));
        Assert.True(WebhookCases.GitHub.IsSigned(request, [WebhookCases.Secret, "old"]));
        Assert.False(WebhookCases.GitHub.IsSigned(request, ["new", "old"]));
        Assert.False(WebhookCases.GitHub.IsSigned(request, []));
    }

    [Theory]
    [InlineData("")]
    [InlineData("sha256=")]
    [InlineData(Known)]
    [InlineData("sha1=" + Known)]
    [InlineData("SHA256=" + Known)]
    [InlineData("sha256= " + Known)]
    [InlineData("sha256=" + Known + "00")]
    [InlineData("sha256=" + Known + "," + "sha256=" + Known)]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1")]
    [InlineData("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e1g")]
    [InlineData("sha256=857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")]
    public void GitHub_OtherSignature_IsNotValid(string signature) =>
        Assert.False(
            WebhookCases.GitHub.IsSigned(WebhookCases.Request(Body, Push, ("X-Hub-Signature-256", signature)), [WebhookCases.Secret])
        );

    [Fact]
    public void AnyForge_NoSignature_IsNotValid()
    {
        foreach (var forge in WebhookCases.All)
        {
            Assert.False(forge.IsSigned(WebhookCases.Request(Body, WebhookCases.Event(forge, "push")), [WebhookCases.Secret, ""]));
        }
    }

    [Fact]
    public void AnyForge_SignatureWithAnEmptySecret_IsNotValid()
    {
        var signature = WebhookCases.Hex("", Body);
        foreach (var forge in WebhookCases.All)
        {
            var request = WebhookCases.Request(
                Body,
                WebhookCases.Event(forge, "push"),
                ("X-Hub-Signature-256", "sha256=" + signature),
                ("X-Gitea-Signature", signature),
                ("X-Gogs-Signature", signature),
                ("X-Forgejo-Signature", signature)
            );
            Assert.False(forge.IsSigned(request, [""]));
        }
    }

    [Fact]
    public void GitHub_Form_IsSignedOverTheRawBody()
    {
        const string form = "payload=%7B%7D";
        var raw = ("X-Hub-Signature-256", "sha256=" + WebhookCases.Hex(WebhookCases.Secret, form));
        var json = ("X-Hub-Signature-256", "sha256=" + WebhookCases.Hex(WebhookCases.Secret, "{}"));
        Assert.True(WebhookCases.GitHub.IsSigned(Form(form, Push, raw), [WebhookCases.Secret]));
        Assert.False(WebhookCases.GitHub.IsSigned(Form(form, Push, json), [WebhookCases.Secret]));
    }

    [Theory]
    [InlineData("gitea", "X-Gitea-Signature")]
    [InlineData("forgejo", "X-Forgejo-Signature")]
    [InlineData("forgejo", "X-Gitea-Signature")]
    [InlineData("gogs", "X-Gogs-Signature")]
    public void GiteaFamily_IsSignedOverTheJson(string provider, string header)
    {
        var forge = WebhookCases.All.Single(f => f.Provider == provider);
        var hex = WebhookCases.Hex(WebhookCases.Secret, "{ }");
        var name = WebhookCases.Event(forge, "push");
        Assert.True(forge.IsSigned(WebhookCases.Request("{ }", name, (header, hex)), [WebhookCases.Secret]));
        Assert.True(forge.IsSigned(Form("payload=%7b+%7D", name, (header, hex)), [WebhookCases.Secret]));
        Assert.True(forge.IsSigned(Form("a=b&payload=%7B%20%7D&c=d", name, (header, hex)), [WebhookCases.Secret]));
        Assert.False(forge.IsSigned(Form("payload=%7B+%7D&payload=%7B+%7D", name, (header, hex)), [WebhookCases.Secret]));
        Assert.False(forge.IsSigned(Form("payload=%7B+%7", name, (header, hex)), [WebhookCases.Secret]));
        Assert.False(forge.IsSigned(Form("Payload=%7B+%7D", name, (header, hex)), [WebhookCases.Secret]));
        Assert.False(forge.IsSigned(WebhookCases.Request("{ }", name, (header, "sha256=" + hex)), [WebhookCases.Secret]));
    }

    [Fact]
    public void Recognize_EachFamilyOfHeaders_IsTheForgeThatSendsIt()
    {
        string? Of(params string[] names) =>
            WebhookCases.Forges.Recognize(WebhookCases.Request("", [.. names.Select(n => (n, "push"))]))?.Provider;

        Assert.Equal("forgejo", Of("x-github-event", "x-gogs-event", "x-gitea-event", "x-forgejo-event"));
        Assert.Equal("gitea", Of("X-GitHub-Event", "X-Gogs-Event", "X-Gitea-Event"));
        Assert.Equal("gogs", Of("X-Github-Event", "X-Gogs-Event"));
        Assert.Equal("github", Of("X-GitHub-Event"));
        Assert.Null(Of("X-Gitlab-Event"));
        Assert.Null(Of());
    }

    /// <summary>A body or signature with one changed bit is refused, whatever it is.</summary>
    [Fact]
    public void AnyForge_OneBitChanged_IsNotValid() =>
        Gen.Select(Gen.Byte.Array[1, 200], Gen.Int[0, 7], Gen.Int[0, 1000], Gen.String[Gen.Char.AlphaNumeric, 1, 40])
            .Sample(
                (body, bit, at, secret) =>
                {
                    var changed = (byte[])body.Clone();
                    changed[at % body.Length] ^= (byte)(1 << bit);
                    var hex = WebhookCases.Hex(secret, body);
                    foreach (var forge in WebhookCases.All)
                    {
                        var headers = new[]
                        {
                            WebhookCases.Event(forge, "push"),
                            forge.Provider == "github" ? ("X-Hub-Signature-256", "sha256=" + hex)
                            : forge.Provider == "gogs" ? ("X-Gogs-Signature", hex)
                            : ("X-Gitea-Signature", hex),
                        };
                        Assert.True(forge.IsSigned(WebhookCases.Request(body, "application/json", headers), [secret]));
                        Assert.False(forge.IsSigned(WebhookCases.Request(changed, "application/json", headers), [secret]));
                        Assert.False(forge.IsSigned(WebhookCases.Request(body, "application/json", headers), [secret + "x"]));
                    }
                },
                iter: 300
            );

    private static WebhookRequest Form(string body, params (string, string)[] headers) =>
        WebhookCases.Request(Encoding.UTF8.GetBytes(body), "application/x-www-form-urlencoded", headers);
}
