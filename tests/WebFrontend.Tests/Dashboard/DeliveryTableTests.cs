using Bunit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using MudBlazor.Services;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Dashboard.Features.Deliveries;
using Shipinator.WebFrontend.Dashboard.Features.Runs;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>The list of deliveries and the facts of a run's event, rendered without a browser.</summary>
public sealed class DeliveryTableTests : BunitContext
{
    public DeliveryTableTests()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        Services.AddSingleton<TimeProvider>(new FakeTimeProvider(Given.Noon));
    }

    [Fact]
    public void Deliveries_ShowOutcomeRunReasonAndErrors_AndHostileTextAsText()
    {
        var run = RunId.New(TimeProvider.System);
        var failed = Row(DeliveryOutcome.RunCreated) with
        {
            Runs = [run],
            FileErrors =
            [
                new()
                {
                    Code = "unknown_key",
                    Message = "'rum' is <b>not</b> a key.",
                    File = ".shipinator.yaml",
                    Line = 2,
                    Column = 9,
                },
            ],
        };
        var filtered = Row(DeliveryOutcome.Filtered) with { Detail = "No changed file matches the paths of 'on'." };
        var waiting = Row(null) with { Attempts = 3, Failure = "The forge is away." };
        var asked = new List<DeliveryRow>();
        var table = Render<DeliveryTable>(p =>
            p.Add(t => t.Deliveries, [failed, filtered, waiting]).Add(t => t.MayProcess, true).Add(t => t.OnProcess, d => asked.Add(d))
        );
        Assert.Equal(
            ["Run created, which failed: invalid pipeline file", "Filtered", "Waiting"],
            table.FindAll("[data-testid=outcome]").Select(o => o.TextContent)
        );
        Assert.Equal($"/runs/{run}", table.Find("[data-testid=run]").GetAttribute("href"));
        Assert.Contains(".shipinator.yaml:2:9", table.Find(".lint").TextContent, StringComparison.Ordinal);
        Assert.Empty(table.FindAll(".lint b"));
        Assert.Contains("No changed file matches", table.Markup, StringComparison.Ordinal);
        Assert.Contains("Attempt 3 failed: The forge is away.", table.Markup, StringComparison.Ordinal);
        Assert.Contains("main at aaaaaaaa", table.Markup, StringComparison.Ordinal);
        Assert.Contains("⟨U+202E⟩", table.Markup, StringComparison.Ordinal);

        // What waits can't be processed again.
        var buttons = table.FindAll("button");
        Assert.Equal(2, buttons.Count);
        buttons[1].Click();
        Assert.Equal([filtered], asked);
        Assert.Empty(Render<DeliveryTable>(p => p.Add(t => t.Deliveries, [filtered])).FindAll("button"));
    }

    [Fact]
    public void Header_OfAPullRequest_ShowsItAndWhetherItIsOfAFork()
    {
        var run = Given.Run() with
        {
            Event = "pr",
            PrNumber = 7,
            Origin = new()
            {
                PrTitle = "Add <i>it</i>",
                PrUrl = "https://forge.example/pulls/7",
                HeadBranch = "feature",
                HeadRepository = "mallory/web",
                IsFork = true,
                CompareUrl = "https://forge.example/compare",
            },
        };
        var header = Render<RunHeader>(p => p.Add(h => h.Run, run));
        var pull = header.Find("[data-testid=pull-request]");
        Assert.Equal("https://forge.example/pulls/7", pull.QuerySelector("a")!.GetAttribute("href"));
        Assert.Contains("Add <i>it</i>", pull.TextContent, StringComparison.Ordinal);
        Assert.Contains("mallory/web:feature → main", pull.TextContent, StringComparison.Ordinal);
        Assert.Equal("fork", pull.QuerySelector(".tag")!.TextContent);
        Assert.Empty(Render<RunHeader>(p => p.Add(h => h.Run, Given.Run())).FindAll("[data-testid=pull-request]"));
    }

    private static DeliveryRow Row(DeliveryOutcome? outcome) =>
        new()
        {
            Id = DeliveryId.New(TimeProvider.System),
            RepositoryId = RepositoryId.New(TimeProvider.System),
            Position = 1,
            EventName = "push",
            Event = new ForgePush
            {
                Ref = "refs/heads/main",
                After = new('a', 40),
                Sender = "a\u202eda",
            },
            ReceivedAt = Given.Noon,
            Attempts = 1,
            NextAttemptAt = Given.Noon,
            ProcessedAt = outcome is null ? null : Given.Noon,
            Outcome = outcome,
            Runs = [],
        };
}
