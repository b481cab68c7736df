namespace Shipinator.Forges.Api;

/// <summary>Checks what goes into addresses.</summary>
internal static class CommitIds
{
    /// <summary>
    /// The full id in lower case. A short id or a name is an error: Gitea stores a status under whatever text it is given. Errors:
    /// <see cref="ForgeRequestException"/>.
    /// </summary>
    public static string Full(string commit) =>
        commit.Length is 40 or 64 && commit.All(char.IsAsciiHexDigit)
            ? commit.ToLowerInvariant()
            : throw new ForgeRequestException(
                ForgeRequestException.Refused,
                $"'{(commit.Length > 80 ? commit[..80] + "…" : commit)}' is not a full commit id of 40 or 64 hexadecimal digits.",
                isTransient: false
            );
}
