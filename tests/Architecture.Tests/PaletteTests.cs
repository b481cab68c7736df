using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>
/// The dark palette is written in two places, because the first paint happens before MudBlazor knows the theme. Both must agree.
/// </summary>
public sealed partial class PaletteTests
{
    [Fact]
    public void DarkPalette_OfTheStyleSheet_IsThatOfTheTheme()
    {
        var theme = SourceTree
            .Files("*.cs")
            .Where(f => !f.EndsWith("PaletteTests.cs", StringComparison.Ordinal))
            .Select(File.ReadAllText)
            .Single(text => text.Contains("PaletteDark =", StringComparison.Ordinal));
        var dark = theme[theme.IndexOf("PaletteDark =", StringComparison.Ordinal)..theme.IndexOf("Typography =", StringComparison.Ordinal)];
        var variables = Variable().Matches(File.ReadAllText(Path.Combine(SourceTree.Root, "WebFrontend", "wwwroot", "app.css"))).ToList();
        Assert.True(variables.Count > 10, $"{variables.Count} variables");
        Assert.All(
            variables,
            v =>
            {
                var name = string.Concat(v.Groups["name"].Value.Split('-').Select(part => char.ToUpperInvariant(part[0]) + part[1..]));
                Assert.Contains($"{name} = \"{v.Groups["color"].Value}\"", dark, StringComparison.Ordinal);
            }
        );
    }

    [GeneratedRegex("--mud-palette-(?<name>[a-z-]+): (?<color>#[0-9a-f]{6})")]
    private static partial Regex Variable();
}
