using MudBlazor;

namespace Shipinator.WebFrontend.Dashboard.Components.Layout;

/// <summary>Colors and typography of both themes; every pair of text and background has a contrast of at least 4.5:1 (WCAG AA).</summary>
internal static class DashboardTheme
{
    private static readonly string[] Sans = ["Inter", "system-ui", "sans-serif"];

    public static MudTheme Theme { get; } =
        new()
        {
            PaletteLight = new PaletteLight
            {
                Primary = "#0b5cad",
                Secondary = "#5b3fa8",
                Background = "#f6f8fa",
                Surface = "#ffffff",
                AppbarBackground = "#14263c",
                AppbarText = "#ffffff",
                DrawerBackground = "#ffffff",
                DrawerText = "#1f2328",
                DrawerIcon = "#4b5563",
                TextPrimary = "#1f2328",
                TextSecondary = "#545d68",
                ActionDefault = "#4b5563",
                Success = "#1a7f37",
                Error = "#c1202b",
                Info = "#0b5cad",
                Warning = "#8a5300",
                LinesDefault = "#d8dee4",
                Divider = "#d8dee4",
            },
            PaletteDark = new PaletteDark
            {
                Primary = "#6cb2ff",
                PrimaryContrastText = "#0d1117",
                Secondary = "#c3a6ff",
                Background = "#0d1117",
                Surface = "#161b22",
                AppbarBackground = "#0b1a2c",
                AppbarText = "#f0f6fc",
                DrawerBackground = "#11161d",
                DrawerText = "#e6edf3",
                DrawerIcon = "#a9b4c0",
                TextPrimary = "#e6edf3",
                TextSecondary = "#a9b4c0",
                ActionDefault = "#a9b4c0",
                Success = "#56d364",
                SuccessContrastText = "#0d1117",
                Error = "#ff7b72",
                ErrorContrastText = "#0d1117",
                Info = "#6cb2ff",
                Warning = "#e3b341",
                WarningContrastText = "#0d1117",
                LinesDefault = "#30363d",
                Divider = "#30363d",
            },
            Typography = new Typography
            {
                Default = new DefaultTypography { FontFamily = Sans, FontSize = "0.875rem" },
                Button = new ButtonTypography
                {
                    FontFamily = Sans,
                    FontSize = "0.875rem",
                    FontWeight = "560",
                    TextTransform = "none",
                    LetterSpacing = "0",
                },
            },
            LayoutProperties = new LayoutProperties
            {
                DefaultBorderRadius = "6px",
                DrawerWidthLeft = "208px",
                AppbarHeight = "48px",
            },
        };
}
