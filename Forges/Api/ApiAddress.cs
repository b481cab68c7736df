using System.Globalization;

namespace Shipinator.Forges.Api;

/// <summary>Where the API of a repository's forge is, and the repository's name there.</summary>
/// <param name="Base">The API's base address, with a final slash.</param>
/// <param name="CloneUrl">The clone URL, whose origin is the scope of the credential.</param>
/// <param name="Owner">The owner, decoded.</param>
/// <param name="Name">The repository's name, decoded and without <c>.git</c>.</param>
internal sealed record ApiAddress(Uri Base, CloneAddress CloneUrl, string Owner, string Name)
{
    /// <summary>
    /// The API at a path below what precedes <c>OWNER/NAME</c> in the clone URL, so that a forge may be installed below a path. Errors:
    /// <see cref="ForgeRequestException"/>.
    /// </summary>
    public static ApiAddress Of(string cloneUrl, string path, Func<CloneAddress, string?>? otherHost = null)
    {
        var clone =
            CloneAddress.TryParse(cloneUrl, out var problem)
            ?? throw new ForgeRequestException(
                ForgeRequestException.Refused,
                $"The forge of '{cloneUrl}' can't be found: {problem}. Use the repository's https clone URL.",
                isTransient: false
            );
        var segments = clone.Segments;
        var name = segments.Length < 2 ? "" : NameOf(segments[^1]);
        if (name is "" or "." or "..")
        {
            throw new ForgeRequestException(
                ForgeRequestException.Refused,
                $"The forge of '{cloneUrl}' can't be found: the clone URL must end in OWNER/NAME, such as /org/app.git.",
                isTransient: false
            );
        }

        var before = string.Concat(segments.Take(segments.Length - 2).Select(s => Uri.EscapeDataString(s) + "/"));
        return new(new(otherHost?.Invoke(clone) ?? $"{clone.Origin}/{before}{path}"), clone, segments[^2], name);
    }

    /// <summary>An address below the base, each part percent-encoded; parts are never empty, <c>.</c> or <c>..</c>.</summary>
    public Uri At(params ReadOnlySpan<string> parts)
    {
        var text = new System.Text.StringBuilder(Base.AbsoluteUri);
        for (var i = 0; i < parts.Length; i++)
        {
            if (parts[i] is "" or "." or "..")
            {
                throw new ArgumentException($"'{parts[i]}' can't be a part of an address.", nameof(parts));
            }

            text.Append(i == 0 ? "" : "/").Append(Uri.EscapeDataString(parts[i]));
        }

        return new(text.ToString());
    }

    /// <summary>An address below <c>repos/OWNER/NAME</c>.</summary>
    public Uri InRepository(params ReadOnlySpan<string> parts) => At(["repos", Owner, Name, .. parts]);

    /// <summary>The same for a number.</summary>
    public static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Whether an address is at or below the base: nothing else gets a request.</summary>
    public bool Contains(Uri address) =>
        address.Scheme == Base.Scheme
        && address.IdnHost == Base.IdnHost
        && address.Port == Base.Port
        && address.UserInfo.Length == 0
        && address.AbsolutePath.StartsWith(Base.AbsolutePath, StringComparison.Ordinal);

    private static string NameOf(string last) => last.EndsWith(".git", StringComparison.Ordinal) ? last[..^4] : last;
}
