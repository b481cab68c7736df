namespace Shipinator.Tests;

/// <summary>The tables against the design's (§3), which stand here as text, one row per state.</summary>
public sealed class StateMachineTests
{
    private const string Run = """
        pending: running failed canceled
        running: success failed canceled
        """;

    private const string JobAndStep = """
        pending: running failed canceled skipped
        running: success failed canceled
        """;

    private const string Execution = """
        pending: submitted failed canceled
        submitted: running success failed canceled
        running: success failed canceled
        """;

    [Theory]
    [InlineData(Machine.Run, Run)]
    [InlineData(Machine.Job, JobAndStep)]
    [InlineData(Machine.Step, JobAndStep)]
    [InlineData(Machine.Execution, Execution)]
    public void Table_OfEachMachine_IsAsDesigned(Machine machine, string rows)
    {
        var expected = rows.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(row => row.Split(": "))
            .SelectMany(row => row[1].Split(' ').Select(to => $"{row[0]} → {to}"));
        var actual = StateMachines.Table(machine).Select(t => $"{t.From.Word()} → {t.To.Word()}");
        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Allows_EveryPair_IsAsInTheTable() =>
        Assert.All(
            Enum.GetValues<Machine>(),
            machine =>
                Assert.All(
                    Enum.GetValues<Status>(),
                    from =>
                        Assert.All(
                            Enum.GetValues<Status>(),
                            to => Assert.Equal(StateMachines.Table(machine).Contains((from, to)), StateMachines.Allows(machine, from, to))
                        )
                )
        );

    [Fact]
    public void IsTerminal_IsTrueForStatesWithoutTransitions() =>
        Assert.All(
            Enum.GetValues<Machine>(),
            machine =>
            {
                var reachable = StateMachines.Table(machine).Select(t => t.To).Append(Status.Pending).Distinct();
                Assert.All(reachable, s => Assert.Equal(s.IsTerminal(), StateMachines.Table(machine).All(t => t.From != s)));
            }
        );

    [Fact]
    public void Table_UnknownMachine_IsRejected() => Assert.Throws<ArgumentOutOfRangeException>(() => StateMachines.Table((Machine)99));
}
