using MudBlazor;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>Dialogs in which something is filled in: a click beside them does not throw that away.</summary>
internal static class Forms
{
    public static DialogOptions Small { get; } =
        new()
        {
            MaxWidth = MaxWidth.Small,
            FullWidth = true,
            BackdropClick = false,
        };

    public static DialogOptions Medium { get; } =
        new()
        {
            MaxWidth = MaxWidth.Medium,
            FullWidth = true,
            BackdropClick = false,
        };
}
