using Microsoft.AspNetCore.Components;

namespace Shipinator.WebFrontend.Dashboard.Features.Logs;

/// <summary>What the address of the page says about logs: <see cref="LogViewOptions"/>, changed without an entry in the history.</summary>
internal sealed class LogAddress(NavigationManager navigation)
{
    /// <summary>Selects a line and stores the text that was searched; empty for none.</summary>
    public void Select(int? line, string searched) =>
        navigation.NavigateTo(
            navigation.GetUriWithQueryParameters(
                new Dictionary<string, object?> { ["line"] = line, ["find"] = searched.Length == 0 ? null : searched }
            ),
            replace: true
        );

    public void ShowTimes(bool on) => Set("times", on);

    public void Wrap(bool on) => Set("wrap", on);

    /// <summary>The link of a line in the main log.</summary>
    public string LineLink(int line) => navigation.GetUriWithQueryParameter("line", line);

    /// <summary>The link of a line in the secondary log: it makes that log the main one; the two stay side by side.</summary>
    public string LineLink(int line, ExecutionId execution, ExecutionId? beside) =>
        navigation.GetUriWithQueryParameters(
            new Dictionary<string, object?>
            {
                ["execution"] = execution.ToString(),
                ["beside"] = beside?.ToString(),
                ["line"] = line,
                ["find"] = null,
            }
        );

    private void Set(string parameter, bool on) =>
        navigation.NavigateTo(navigation.GetUriWithQueryParameter(parameter, on ? LogViewOptions.On : null), replace: true);
}
