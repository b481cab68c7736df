using System.Text.RegularExpressions;

namespace Shipinator.Architecture.Tests;

/// <summary>The dark palette stands in two places, since the first paint comes before MudBlazor knows the theme: they must agree.</summary>
public sealed partial class PaletteTests
{
    [Fact]
    public void DarkPalette_OfTheStyleSheet_IsThatOfTheTheme()
    {
        var look = File.ReadAllText(Path.Combine(House.Root, "WebFrontend", "Components", "Layout", "Look.cs"));
        var dark = look[look.IndexOf("PaletteDark =", StringComparison.Ordinal)..look.IndexOf("Typography =", StringComparison.Ordinal)];
        var variables = Variable().Matches(File.ReadAllText(Path.Combine(House.Root, "WebFrontend", "wwwroot", "app.css"))).ToList();
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
