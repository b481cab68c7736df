using MudBlazor;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>Options of dialogs with a form: a click on the backdrop does not close them, so that no input is lost.</summary>
internal static class FormDialogs
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
