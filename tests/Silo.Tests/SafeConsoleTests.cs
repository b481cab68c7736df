using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Shipinator.Silo.Hosting;

namespace Shipinator.Silo.Tests;

/// <summary>Untrusted text in log messages can't control the terminal of the server.</summary>
public sealed class SafeConsoleTests
{
    [Theory]
    [InlineData("a\u001b]0;title\u0007b", "ab")]
    [InlineData("a\u001b[2Jb", "ab")]
    [InlineData("a\u001b\u001b[0K [2Jb", "a [2Jb")]
    [InlineData("a\u009b2Jb\u0008\u0007", "ab")]
    [InlineData("a\rb", "ab")]
    [InlineData("a\u202eb", "a\\u{202E}b")]
    [InlineData("a\n\tb\r\n", "a\n\tb\n")]
    public void Write_HostileText_IsSanitized(string text, string expected)
    {
        Assert.Equal(expected, Written(true, w => w.Write(text)));
        Assert.Equal(expected, Written(false, w => w.Write(text)));
        Assert.Equal(expected, Written(true, w => w.Write(text.ToCharArray())));
        Assert.Equal(expected, Written(true, w => w.Write("{0}", text)));
        Assert.Equal(expected + "\n", Written(true, w => w.WriteLine(text)));
        Assert.DoesNotContain('\u001b', Written(true, w => text.ToList().ForEach(w.Write)));
    }

    [Fact]
    public void Colors_AreKeptOnATerminal_AndEndWithTheirLine()
    {
        const string Text = "\u001b[40m\u001b[32minfo\u001b[39m\u001b[22m\u001b[49m: ok\n\u001b[8mhidden\nseen\n";
        Assert.Equal(
            "\u001b[40m\u001b[32minfo\u001b[39m\u001b[22m\u001b[49m: ok\u001b[0m\n\u001b[8mhidden\u001b[0m\nseen\n",
            Written(true, w => w.Write(Text))
        );
        Assert.Equal("info: ok\nhidden\nseen\n", Written(false, w => w.Write(Text)));
    }

    [Fact]
    public async Task HostLogger_WritesSanitizedText()
    {
        var before = Console.Out;
        using var screen = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        try
        {
            Console.SetOut(new SafeConsole(screen, keepColors: true));
            await using var services = new ServiceCollection()
                .AddLogging(b => b.AddSimpleConsole(o => o.ColorBehavior = LoggerColorBehavior.Enabled))
                .BuildServiceProvider();
            services
                .GetRequiredService<ILoggerFactory>()
                .CreateLogger("Test")
                .LogWarning(new InvalidOperationException("no\u001b[6n host"), "branch {Branch}", "\u001b]0;title\u0007main");
        }
        finally
        {
            Console.SetOut(before);
        }

        Assert.Contains("branch main", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("no host", screen.ToString(), StringComparison.Ordinal);
        Assert.Contains("\u001b[33mwarn\u001b[39m", screen.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b]", screen.ToString(), StringComparison.Ordinal);
    }

    private static string Written(bool keepColors, Action<TextWriter> write)
    {
        using var console = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        using var safe = new SafeConsole(console, keepColors);
        write(safe);
        return console.ToString();
    }
}
