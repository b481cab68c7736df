namespace Shipinator.Forges.Api;

/// <summary>A file of a comparison or a pull request, as GitHub and Gitea list it; a renamed one has two names.</summary>
internal sealed record ChangedFile(string? Filename, string? PreviousFilename)
{
    /// <summary>All names, sorted; null when the list is incomplete.</summary>
    public static IReadOnlyList<string>? Names(IReadOnlyList<ChangedFile>? files) =>
        files is null || files.Any(f => f?.Filename is null)
            ? null
            :
            [
                .. files
                    .SelectMany(f => new[] { f.PreviousFilename, f.Filename })
                    // Gitea gives a file that was not renamed an empty previous name.
                    .Where(f => !string.IsNullOrEmpty(f))
                    .OfType<string>()
                    .Distinct(StringComparer.Ordinal)
                    .Order(StringComparer.Ordinal),
            ];
}
