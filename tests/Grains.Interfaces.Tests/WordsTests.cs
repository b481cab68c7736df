using System.Text.Json;

namespace Shipinator.Tests;

/// <summary>The closed sets, written out here a second time by hand: a word of the database or the API never changes by accident.</summary>
public sealed class WordsTests
{
    private static readonly string[] Statuses = ["pending", "submitted", "running", "success", "failed", "canceled", "skipped"];

    private static readonly string[] Reasons =
    [
        "exit_code",
        "timeout",
        "oom_killed",
        "evicted",
        "image_pull",
        "lost",
        "unschedulable",
        "executor_error",
        "config_error",
        "artifact_missing",
        "dependency_failed",
        "condition",
        "canceled_by_user",
        "superseded",
        "artifact_invalid",
    ];

    private static readonly string[] Machines = ["run", "job", "step", "execution"];

    private static readonly string[] JobTypes = ["build", "test", "deploy"];

    [Fact]
    public void Status_Words_AreAsDesigned() => Assert.Equal(Statuses, Enum.GetValues<Status>().Select(s => s.Word()));

    [Fact]
    public void Reason_Words_AreAsDesigned() => Assert.Equal(Reasons, Enum.GetValues<Reason>().Select(r => r.Word()));

    [Fact]
    public void Machine_Words_AreAsDesigned() => Assert.Equal(Machines, Enum.GetValues<Machine>().Select(m => m.Word()));

    [Fact]
    public void JobType_Words_AreAsSpecified() =>
        Assert.Equal(JobTypes, Enum.GetValues<JobType>().Select(t => JsonSerializer.Serialize(t).Trim('"')));

    [Fact]
    public void EveryWord_RoundTrips()
    {
        Assert.All(Statuses, w => Assert.Equal(w, Words.ParseStatus(w).Word()));
        Assert.All(Statuses, w => Assert.True(Words.TryParseStatus(w, out var s) && s.Word() == w));
        Assert.All(Reasons, w => Assert.Equal(w, Words.ParseReason(w).Word()));
        Assert.All(Reasons, w => Assert.True(Words.TryParseReason(w, out var r) && r.Word() == w));
        Assert.All(Machines, w => Assert.Equal(w, Words.ParseMachine(w).Word()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Pending")]
    [InlineData("RUNNING")]
    [InlineData("cancelled")]
    [InlineData("0")]
    [InlineData(" running")]
    public void ParseStatus_AnythingElse_NamesTheWordAndTheSet(string word)
    {
        var error = Assert.Throws<FormatException>(() => Words.ParseStatus(word));
        Assert.Contains($"'{word}'", error.Message, StringComparison.Ordinal);
        Assert.All(Statuses, known => Assert.Contains(known, error.Message, StringComparison.Ordinal));
        Assert.False(Words.TryParseStatus(word, out _));
    }

    [Theory]
    [InlineData("ExitCode")]
    [InlineData("exit-code")]
    [InlineData("1")]
    public void ParseReason_AnythingElse_IsRejected(string word)
    {
        Assert.Throws<FormatException>(() => Words.ParseReason(word));
        Assert.False(Words.TryParseReason(word, out _));
    }

    [Fact]
    public void Json_EveryMember_IsItsWord()
    {
        Assert.All(Enum.GetValues<Status>(), s => Assert.Equal($"\"{s.Word()}\"", JsonSerializer.Serialize(s)));
        Assert.All(Enum.GetValues<Status>(), s => Assert.Equal(s, JsonSerializer.Deserialize<Status>($"\"{s.Word()}\"")));
        Assert.All(Enum.GetValues<Reason>(), r => Assert.Equal($"\"{r.Word()}\"", JsonSerializer.Serialize(r)));
        Assert.All(Enum.GetValues<Reason>(), r => Assert.Equal(r, JsonSerializer.Deserialize<Reason>($"\"{r.Word()}\"")));
    }

    [Theory]
    [InlineData("2")]
    [InlineData("\"nonsense\"")]
    [InlineData("\"2\"")]
    [InlineData("\"\"")]
    [InlineData("\"Running\"")]
    [InlineData("\"submitted, running\"")]
    [InlineData("null")]
    public void Json_OtherThanAWord_IsRejected(string json) => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Status>(json));

    [Fact]
    public void IsInfrastructure_IsTrueForFailuresOutsideTheCommand() =>
        Assert.Equal(
            new[] { Reason.Evicted, Reason.ImagePull, Reason.Lost, Reason.Unschedulable, Reason.ExecutorError },
            Enum.GetValues<Reason>().Where(r => r.IsInfrastructure())
        );
}
