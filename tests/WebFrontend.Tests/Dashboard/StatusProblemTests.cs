using Bunit;
using MudBlazor.Services;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Dashboard.Features.Projects;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>The panel about commit statuses that the forge does not accept.</summary>
public sealed class StatusProblemTests : BunitContext
{
    private static readonly StatusProblems Revoked = new(
        5,
        0,
        ForgeRequestException.Unauthorized,
        "git.example.org \u202Erefuses the credential",
        Given.Noon,
        Given.Noon.AddHours(6)
    );

    public StatusProblemTests()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
    }

    [Fact]
    public void Panel_SaysTheCauseAndTheFix()
    {
        var panel = Render<StatusProblemPanel>(p => p.Add(c => c.Problems, Revoked));
        Assert.Equal("alert", panel.Find("section").GetAttribute("role"));
        Assert.Equal(
            "5 commit statuses can't be sent: git.example.org ⟨U+202E⟩refuses the credential. "
                + "The credential is missing, expired or revoked: set a valid one, then retry.",
            panel.Find("p").TextContent
        );
        Assert.Empty(panel.FindAll("button"));
    }

    [Fact]
    public void Panel_OfAWriter_Retries()
    {
        var count = 0;
        var panel = Render<StatusProblemPanel>(p =>
            p.Add(c => c.Problems, Revoked).Add(c => c.MayRetry, true).Add(c => c.OnRetry, () => count++)
        );
        panel.Find("button").Click();
        Assert.Equal(1, count);
    }

    [Theory]
    [InlineData(ForgeRequestException.Forbidden, 1, "Give the credential the right to write commit statuses, then retry.")]
    [InlineData(ForgeRequestException.NotFound, 1, "Check the clone URL and that the credential can see the repository, then retry.")]
    [InlineData(ForgeRequestException.Refused, 1, "Fix the cause, then retry.")]
    [InlineData(ForgeRequestException.RateLimited, 0, "They are sent again by themselves.")]
    public void Panel_OfEachCause_SaysWhatToDo(string code, int blocked, string fix) =>
        Assert.EndsWith(
            fix,
            Render<StatusProblemPanel>(p => p.Add(c => c.Problems, new(blocked, 1 - blocked, code, "x", null, null))).Find("p").TextContent,
            StringComparison.Ordinal
        );
}
