using System.Reflection;
using Shipinator.Client;

namespace Shipinator.Executors.Tests;

/// <summary>
/// What the runner and the server say to each other in words and numbers. The runner may refer to the client room alone, so the lists
/// exist twice.
/// </summary>
public sealed class RunnerContractTests
{
    [Fact]
    public void Reasons_OfTheRunner_AreInTheClosedSet()
    {
        var sent = Constants<string>(typeof(RunnerReasons));
        Assert.NotEmpty(sent);
        Assert.All(sent, c => Assert.Equal(c.Name, Words.ParseReason(c.Value).ToString()));
    }

    [Fact]
    public void ExitCodes_OfServerAndRunner_AreEqual()
    {
        var known = Constants<int>(typeof(Shipinator.RunnerExitCodes));
        Assert.NotEmpty(known);
        Assert.Subset(Constants<int>(typeof(Shipinator.Client.RunnerExitCodes)).ToHashSet(), known.ToHashSet());
    }

    private static List<(string Name, T Value)> Constants<T>(Type type) =>
        [
            .. type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .Where(f => f.IsLiteral)
                .Select(f => (f.Name, (T)f.GetRawConstantValue()!)),
        ];
}
