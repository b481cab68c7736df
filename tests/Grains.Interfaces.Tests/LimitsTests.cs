namespace Shipinator.Tests;

public sealed class LimitsTests
{
    [Theory]
    [InlineData("00:00:05", "5 s")]
    [InlineData("00:00:00.25", "0.25 s")]
    [InlineData("00:01:00", "1 min")]
    [InlineData("01:30:00", "1 h 30 min")]
    [InlineData("2.00:00:01.5", "2 d 1.5 s")]
    [InlineData("00:00:00", "0 s")]
    public void Limit_IsShownWithoutRounding(string limit, string words) =>
        Assert.Equal(words, TimeSpan.Parse(limit, System.Globalization.CultureInfo.InvariantCulture).InWords());
}
