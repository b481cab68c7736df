using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Xml.Linq;
using Microsoft.Extensions.DependencyInjection;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Badges;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>Badges, <c>cc.xml</c>, and the statuses that a forge does not accept.</summary>
public sealed class BadgeTests(ApiFixture api)
{
    private const string File = "image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n";
    private const string Svg = "image/svg+xml";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Badge_OfAPrivateRepository_IsThatOfAnUnknownId_ExceptForReaders()
    {
        var (repository, _) = await RepositoryAsync();
        using var unknown = await api.Anonymous.GetAsync($"/badges/{Guid.CreateVersion7()}.svg", Stop);
        using var hidden = await api.Anonymous.GetAsync($"/badges/{repository}.svg?event=manual", Stop);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, hidden.StatusCode);
        Assert.Equal(await unknown.Content.ReadAsStringAsync(Stop), await hidden.Content.ReadAsStringAsync(Stop));
        Assert.Equal(unknown.Headers.ETag, hidden.Headers.ETag);
        using var guess = new HttpRequestMessage(HttpMethod.Get, $"/badges/{repository}.svg?event=manual");
        guess.Headers.Authorization = new("Bearer", "shp_guess");
        using var guessed = await api.Anonymous.SendAsync(guess, Stop);
        Assert.Equal(HttpStatusCode.NotFound, guessed.StatusCode);

        using var shown = await api.Reader.GetAsync($"/badges/{repository}.svg?event=manual", Stop);
        Assert.Equal(HttpStatusCode.OK, shown.StatusCode);
        Assert.Equal("build: passing", Title(await shown.Content.ReadAsStringAsync(Stop)));
    }

    [Fact]
    public async Task Badge_OfAPublicRepository_IsShownToEverybody_WithAnETag()
    {
        var (repository, _) = await RepositoryAsync();
        using var change = await api.Admin.PatchAsJsonAsync($"/v1/repositories/{repository}", new { public_badge = true }, Stop);
        Assert.True((await change.Content.ReadFromJsonAsync<JsonElement>(Stop)).GetProperty("public_badge").GetBoolean());

        using var first = await api.Anonymous.GetAsync($"/badges/{repository}.svg?event=manual", Stop);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(Svg, first.Content.Headers.ContentType!.MediaType);
        Assert.True(first.Headers.CacheControl!.NoCache);
        Assert.StartsWith("sandbox", first.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("build: passing", Title(await first.Content.ReadAsStringAsync(Stop)));

        using var again = new HttpRequestMessage(HttpMethod.Get, $"/badges/{repository}.svg?event=manual");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var same = await api.Anonymous.SendAsync(again, Stop);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        Assert.Equal(first.Headers.ETag, same.Headers.ETag);
        Assert.Empty(await same.Content.ReadAsByteArrayAsync(Stop));

        // Push runs of the default branch by default: there are none. Another branch has none, either.
        Assert.Equal("build: no runs", Title(await api.Anonymous.GetStringAsync($"/badges/{repository}.svg", Stop)));
        Assert.Equal("build: no runs", Title(await api.Anonymous.GetStringAsync($"/badges/{repository}.svg?event=manual&branch=x", Stop)));
        Assert.Equal("build: no runs", Title(await api.Anonymous.GetStringAsync($"/badges/{repository}.svg?event=nonsense", Stop)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("nonsense.svg")]
    [InlineData("..%2F..%2Fetc%2Fpasswd.svg")]
    [InlineData("%7B01890a5d-ac96-774b-bcce-b302099a8099%7D.svg")]
    public async Task Badge_OfANonsensicalId_IsNotFound(string file)
    {
        using var response = await api.Anonymous.GetAsync($"/badges/{file}", Stop);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Theory]
    [InlineData("\"><script>alert(1)</script>")]
    [InlineData("a&b<c>d\"e'f")]
    [InlineData("x\u202Egnp.exe")]
    [InlineData("x\u0000\u0007\u001b[31my")]
    [InlineData("\uFFFE\uD83D")]
    [InlineData("   ")]
    public void Svg_WithHostileText_IsWellFormedAndHarmless(string text)
    {
        var svg = XDocument.Parse(Badge.Svg(text, text, "#4c1"));
        Assert.All(
            svg.Descendants(),
            e => Assert.Contains(e.Name.LocalName, new[] { "svg", "title", "linearGradient", "stop", "clipPath", "rect", "g", "text" })
        );
        Assert.All(
            svg.Descendants().Attributes(),
            a => Assert.False(a.Name.LocalName.StartsWith("on", StringComparison.Ordinal) || a.Name.LocalName == "href", a.Name.LocalName)
        );
        Assert.DoesNotContain('\u202E', svg.ToString());
    }

    [Fact]
    public void Svg_WithALongName_IsCut_AndItsWidthsFit()
    {
        var svg = XDocument.Parse(Badge.Svg(new string('m', 5000), "passing", "#4c1"));
        Assert.Equal(new string('m', Badge.MaxText) + "…: passing", svg.Root!.Attribute("aria-label")!.Value);
        Assert.InRange((int)svg.Root.Attribute("width")!, 100, 1000);
        Assert.All(Enum.GetValues<Status>(), status => Assert.NotEqual("", Badge.Of(status).Text));
    }

    [Fact]
    public async Task Status_PassesOverRunsThatWereSkippedOrSuperseded()
    {
        var (repository, pipeline) = await RepositoryAsync();
        var failing = await api.EndAsync(await api.TriggerAsync(pipeline));
        var source = api.Services.GetRequiredService<Npgsql.NpgsqlDataSource>();
        var badges = api.Services.GetRequiredService<BadgeQueries>();
        var id = RepositoryId.Parse(repository);
        foreach (
            var (set, expected) in new[]
            {
                ("status = 'failed'", Status.Failed),
                ("status = 'success', reason = 'condition'", Status.Success),
                ("status = 'canceled', reason = 'superseded'", Status.Success),
                ("status = 'canceled', reason = 'canceled_by_user'", Status.Canceled),
                ("status = 'running', reason = NULL", Status.Running),
            }
        )
        {
            await using var command = source.CreateCommand(
                $"UPDATE pipeline_runs SET {set} WHERE id = '{failing.GetProperty("id").GetString()}'"
            );
            await command.ExecuteNonQueryAsync(Stop);
            Assert.Equal(expected, await badges.StatusAsync(id, "main", "manual", Stop));
        }
    }

    [Fact]
    public async Task CcXml_NamesEveryPipelineWithItsLastEnd()
    {
        var (repository, pipeline) = await RepositoryAsync();
        var project = (await api.GetAsync($"/v1/repositories/{repository}")).GetProperty("project_id").GetString();
        foreach (var path in new[] { $"/v1/repositories/{repository}/cc.xml", $"/v1/projects/{project}/cc.xml" })
        {
            using var refused = await api.Anonymous.GetAsync(path, Stop);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
            using var response = await api.Reader.GetAsync(path, Stop);
            Assert.Equal("application/xml", response.Content.Headers.ContentType!.MediaType);
            var xml = XDocument.Parse(await response.Content.ReadAsStringAsync(Stop));
            var element = xml.Root!.Elements("Project")
                .Single(e => e.Attribute("webUrl")!.Value.EndsWith($"/pipelines/{pipeline}", StringComparison.Ordinal));
            Assert.Equal("Success", element.Attribute("lastBuildStatus")!.Value);
            Assert.Equal("Sleeping", element.Attribute("activity")!.Value);
            Assert.Equal("1", element.Attribute("lastBuildLabel")!.Value);
            Assert.EndsWith("Z", element.Attribute("lastBuildTime")!.Value, StringComparison.Ordinal);
        }

        using var absent = await api.Reader.GetAsync($"/v1/repositories/{Guid.CreateVersion7()}/cc.xml", Stop);
        Assert.Equal(HttpStatusCode.NotFound, absent.StatusCode);
    }

    [Fact]
    public void CcXml_WithHostileNames_IsWellFormed()
    {
        const string Name = "a\"<b>&\u0001\uFFFF😀";
        var document = CcTray.Document(
            [new(PipelineId.New(TimeProvider.System), Name, "push", null, null, null, IsActive: true)],
            new("https://ci.example.org/")
        );
        using var stream = new MemoryStream(document);
        var element = XDocument.Load(stream).Root!.Elements().Single();
        Assert.Equal("a\"<b>&\uFFFD\uFFFD😀 (push)", element.Attribute("name")!.Value);
        Assert.Equal(("Building", "Unknown"), (element.Attribute("activity")!.Value, element.Attribute("lastBuildStatus")!.Value));
    }

    [Fact]
    public async Task StatusesThatTheForgeRefuses_AreShownOnTheRepository_AndRetriedByWriters()
    {
        var (repository, _) = await RepositoryAsync();
        var store = api.Services.GetRequiredService<CommitStatusStore>();
        var key = new CommitStatusKey(RepositoryId.Parse(repository), new string('a', 40), "shipinator/push");
        Assert.False((await api.GetAsync($"/v1/repositories/{repository}")).TryGetProperty("status_problem", out _));
        await store.RegisterFixedAsync(key, CommitState.Success, "Skipped", Stop);
        var row = (await store.ReadyAsync(key.Repository, cancellationToken: Stop)).Single();
        await store.FailedAsync(
            row,
            StatusProgress.Blocked,
            ForgeRequestException.Unauthorized,
            "git.example.org does not accept the credential.",
            null,
            cancellationToken: Stop
        );
        var problem = (await api.GetAsync($"/v1/repositories/{repository}")).GetProperty("status_problem");
        Assert.Equal("forge_unauthorized", problem.GetProperty("code").GetString());
        Assert.Equal(
            "1 commit status can't be sent: git.example.org does not accept the credential. "
                + "The credential is missing, expired or revoked: set a valid one, then retry.",
            problem.GetProperty("message").GetString()
        );
        Assert.Equal(1, problem.GetProperty("blocked").GetInt32());

        using var refused = await api.Reader.PostAsync($"/v1/repositories/{repository}/statuses/retry", null, Stop);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        var retried = await api.PostAsync($"/v1/repositories/{repository}/statuses/retry", new { });
        Assert.Equal(1, retried.GetProperty("retried").GetInt32());
        Assert.Equal(StatusProgress.Open, (await store.ReadyAsync(key.Repository, cancellationToken: Stop)).Single().Progress);
    }

    private static string Title(string svg) => XDocument.Parse(svg).Root!.Elements().Single(e => e.Name.LocalName == "title").Value;

    /// <summary>A repository with one successful manual run.</summary>
    private async Task<(string Repository, string Pipeline)> RepositoryAsync()
    {
        var pipeline = await api.PipelineAsync(File);
        var run = await api.EndAsync(await api.TriggerAsync(pipeline));
        Assert.Equal("success", run.GetProperty("status").GetString());
        return (run.GetProperty("repository_id").GetString()!, pipeline);
    }
}
