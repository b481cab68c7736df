namespace Shipinator.Tests;

/// <summary>Delays double up to a limit.</summary>
public sealed class DoublingTests
{
    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 4)]
    [InlineData(3, 16)]
    [InlineData(5, 60)]
    [InlineData(int.MaxValue, 60)]
    public void Of_DoublesUpToTheLimit(int times, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Doubling.Of(TimeSpan.FromSeconds(2), times, TimeSpan.FromMinutes(1)));
}
