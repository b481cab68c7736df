using System.Text;
using System.Text.Json;
using CsCheck;
using Shipinator.Testing.Forges;

namespace Shipinator.Forges.Tests.Webhooks;

/// <summary>Bodies and headers that no forge sends: an error that names the problem, never another exception.</summary>
public sealed class HostilePayloadTests
{
    private const string Push = """
        {"ref":"refs/heads/main","before":"1111111111111111111111111111111111111111","after":"2222222222222222222222222222222222222222"}
        """;

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("\"push\"")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("{}{}")]
    [InlineData("{\"ref\":\"refs/heads/main\",}")]
    [InlineData("{\"ref\":\"refs/heads/main\"} x")]
    [InlineData("{\"ref\":\"refs/heads/main\",\"ref\":\"refs/heads/other\"}")]
    [InlineData("{\"ref\":\"refs/heads/main\",\"r\\u0065f\":\"refs/heads/other\"}")]
    [InlineData("{\"\\ud800\":1,\"ref\":\"refs/heads/main\"}")]
    [InlineData("\uFEFF{}")]
    public void Parse_NoProperObject_IsRefused(string body)
    {
        foreach (var forge in WebhookCases.All)
        {
            WebhookCases.Refused(forge, WebhookCases.Request(body, WebhookCases.Event(forge, "push")));
        }
    }

    [Theory]
    [InlineData("ref", "1")]
    [InlineData("ref", "null")]
    [InlineData("ref", "\"\"")]
    [InlineData("ref", "{}")]
    [InlineData("ref", "\"refs/heads/a\\u0000b\"")]
    [InlineData("ref", "\"refs/heads/a\\nb\"")]
    [InlineData("ref", "\"refs/heads/\\ud800\"")]
    [InlineData("after", "1")]
    [InlineData("after", "null")]
    [InlineData("after", "\"HEAD\"")]
    [InlineData("after", "\"222222222222222222222222222222222222222\"")]
    [InlineData("after", "\"22222222222222222222222222222222222222222\"")]
    [InlineData("after", "\"--upload-pack=x22222222222222222222222222\"")]
    [InlineData("before", "[]")]
    [InlineData("before", "\"refs/heads/main22222222222222222222222222\"")]
    [InlineData("head_commit", "\"x\"")]
    [InlineData("head_commit", "{\"message\":1}")]
    [InlineData("head_commit", "{\"id\":\"x\",\"message\":\"m\"}")]
    [InlineData("sender", "[]")]
    [InlineData("sender", "{\"login\":{}}")]
    [InlineData("repository", "7")]
    public void Parse_PushWithAWrongMember_NamesIt(string member, string value)
    {
        foreach (var forge in WebhookCases.All)
        {
            var error = WebhookCases.Refused(forge, Changed(forge, "refs/tags/v1", member, value));
            Assert.Contains(member, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Parse_TooLongRefAndDeepNesting_AreRefused()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 5000)) + string.Concat(Enumerable.Repeat("]", 5000));
        foreach (var forge in WebhookCases.All)
        {
            WebhookCases.Refused(forge, Changed(forge, "x", "ref", $"\"refs/heads/{new string('a', 1000)}\""));
            WebhookCases.Refused(forge, Changed(forge, "x", "any", deep));
        }
    }

    [Fact]
    public void Parse_NotUtf8_IsRefused()
    {
        var body = Encoding.Latin1.GetBytes(Push.Replace("main", "m\u00e4in", StringComparison.Ordinal));
        foreach (var forge in WebhookCases.All)
        {
            WebhookCases.Refused(forge, WebhookCases.Request(body, "application/json", WebhookCases.Event(forge, "push")));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("multipart/form-data")]
    [InlineData("application/x-www-form-urlencoded")]
    public void Parse_OtherContentType_IsRefused(string? type)
    {
        foreach (var forge in WebhookCases.All)
        {
            WebhookCases.Refused(forge, WebhookCases.Request(Encoding.UTF8.GetBytes(Push), type, WebhookCases.Event(forge, "push")));
        }
    }

    [Theory]
    [InlineData("X-GitHub-Event", "")]
    [InlineData("X-GitHub-Event", "push,push")]
    [InlineData("X-GitHub-Event", "push\u0000")]
    [InlineData("X-GitHub-Event", "<script>")]
    [InlineData("X-GitHub-Delivery", "a b")]
    [InlineData("X-GitHub-Delivery", "1,2")]
    public void Parse_OddHeader_IsRefused(string name, string value)
    {
        var headers = new Dictionary<string, string> { ["X-GitHub-Event"] = "push", [name] = value };
        WebhookCases.Refused(WebhookCases.GitHub, WebhookCases.Request(Push, [.. headers.Select(h => (h.Key, h.Value))]));
    }

    [Fact]
    public void Parse_LongTextsForDisplay_AreCut()
    {
        var body = $$"""
            {"ref":"refs/heads/main","before":"{{new string('1', 40)}}","after":"{{new string('2', 40)}}","compare":"javascript:alert(1)",
             "compare_url":"javascript:alert(1)","sender":{"login":"{{new string('l', 5000)}}"},
             "head_commit":{"message":"{{string.Concat(Enumerable.Repeat("\U0001F600", 50_000))}}\u0000","author":{"name":"a\u0000b"} } }
            """;
        foreach (var forge in WebhookCases.All)
        {
            var push = Assert.IsType<ForgePush>(forge.Parse(WebhookCases.Request(body, WebhookCases.Event(forge, "push"))).Event);
            Assert.Equal(64 * 1024, push.Message!.Length);
            Assert.True(char.IsLowSurrogate(push.Message[^1]));
            Assert.Equal("a\uFFFDb", push.Author);
            Assert.Equal(255, push.Sender!.Length);
            Assert.Null(push.CompareUrl);
        }
    }

    /// <summary>Real deliveries with bytes changed, cut out and put in: parsed, or refused by the one error.</summary>
    [Fact]
    public void Parse_DamagedDeliveries_NeverFailOtherwise()
    {
        var gitea = Samples(RecordedDelivery.OfGitea).Select(d => ((IWebhookForge)WebhookCases.Gitea, d));
        var gitHub = Samples(RecordedDelivery.OfGitHub).Select(d => ((IWebhookForge)WebhookCases.GitHub, d));
        var samples = gitea.Concat(gitHub).ToArray();
        Gen.Select(Gen.Int[0, samples.Length - 1], Gen.Select(Gen.Int[0, 1_000_000], Gen.Byte, Gen.Int[0, 3]).Array[1, 8])
            .Sample(
                (which, edits) =>
                {
                    var (forge, delivery) = samples[which];
                    var body = delivery.Body.ToList();
                    foreach (var (at, value, kind) in edits)
                    {
                        if (body.Count == 0)
                        {
                            break;
                        }

                        var place = at % body.Count;
                        switch (kind)
                        {
                            case 0:
                                body[place] = value;
                                break;
                            case 1:
                                body.Insert(place, value);
                                break;
                            case 2:
                                body.RemoveRange(place, Math.Min(value, body.Count - place));
                                break;
                            default:
                                body.InsertRange(place, "\"\\u0000{[:"u8[..(value % 10)]);
                                break;
                        }
                    }

                    ParseOrRefuse(forge, WebhookCases.Request(delivery) with { Body = body.ToArray() });
                },
                iter: 3000
            );
    }

    /// <summary>Each member of real deliveries is left out, or replaced by a value of each other kind.</summary>
    [Fact]
    public void Parse_AnyMemberOfAnotherKind_NeverFailsOtherwise()
    {
        string[] values =
        [
            "null",
            "true",
            "-1",
            "1e999",
            "99999999999999999999",
            "\"\"",
            "\"\\u0000\"",
            "\"\\udfff\"",
            "[]",
            "[null]",
            "{}",
        ];
        foreach (var delivery in Samples(RecordedDelivery.OfGitea).Concat(Samples(RecordedDelivery.OfGitHub)))
        {
            IWebhookForge forge = delivery.Headers.ContainsKey("X-Gitea-Event") ? WebhookCases.Gitea : WebhookCases.GitHub;
            if (delivery.Headers["Content-Type"] != "application/json")
            {
                continue;
            }

            using var document = JsonDocument.Parse(delivery.Body);
            foreach (var path in Paths(document.RootElement, "").Distinct().ToList())
            {
                foreach (var value in values)
                {
                    var text = new StringBuilder();
                    Write(document.RootElement, "", path, value, text);
                    ParseOrRefuse(forge, WebhookCases.Request(delivery) with { Body = Encoding.UTF8.GetBytes(text.ToString()) });
                }
            }
        }
    }

    private static void ParseOrRefuse(IWebhookForge forge, WebhookRequest request)
    {
        try
        {
            var found = forge.Parse(request);
            // What was read can be stored: the database takes neither NUL nor half characters.
            var stored = JsonSerializer.Serialize(found.Event);
            Assert.DoesNotContain("\\u0000", stored, StringComparison.Ordinal);
            Assert.Equal(found.Event.GetType(), JsonSerializer.Deserialize<ForgeEvent>(stored)!.GetType());
        }
        catch (InvalidInputException e)
        {
            Assert.Equal("payload_malformed", e.Code);
        }

        // Whatever the body is, asking for its signature has an answer.
        Assert.False(forge.IsSigned(request, [WebhookCases.Secret]));
    }

    /// <summary>One delivery of each outcome's first two words.</summary>
    private static IEnumerable<RecordedDelivery> Samples(IEnumerable<RecordedDelivery> all) =>
        all.Where(d => d.Outcome != "refused")
            .GroupBy(d => d.Outcome.Split(' ')[0] + d.Outcome.Split(' ').ElementAtOrDefault(1) + d.Headers["Content-Type"])
            .Select(g => g.First());

    private static WebhookRequest Changed(IWebhookForge forge, string fullRef, string member, string value)
    {
        var members = new Dictionary<string, string>
        {
            ["ref"] = $"\"{fullRef}\"",
            ["before"] = $"\"{new string('1', 40)}\"",
            ["after"] = $"\"{new string('2', 40)}\"",
            [member] = value,
        };
        return WebhookCases.Request(
            "{" + string.Join(',', members.Select(m => $"\"{m.Key}\":{m.Value}")) + "}",
            WebhookCases.Event(forge, "push")
        );
    }

    private static IEnumerable<string> Paths(JsonElement element, string at)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                var path = at + "/" + member.Name;
                yield return path;
                foreach (var below in Paths(member.Value, path))
                {
                    yield return below;
                }
            }
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var below in element.EnumerateArray().SelectMany(e => Paths(e, at)))
            {
                yield return below;
            }
        }
    }

    private static void Write(JsonElement element, string at, string changed, string value, StringBuilder to)
    {
        if (at == changed)
        {
            to.Append(value);
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            to.Append('{');
            foreach (var member in element.EnumerateObject())
            {
                to.Append(to[^1] == '{' ? "" : ",").Append(JsonSerializer.Serialize(member.Name)).Append(':');
                Write(member.Value, at + "/" + member.Name, changed, value, to);
            }

            to.Append('}');
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            to.Append('[');
            foreach (var item in element.EnumerateArray())
            {
                to.Append(to[^1] == '[' ? "" : ",");
                Write(item, at, changed, value, to);
            }

            to.Append(']');
        }
        else
        {
            to.Append(element.GetRawText());
        }
    }
}
