using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Shipinator.Pipelines;

/// <summary>An entry of <c>on.schedule</c>: a schedule that starts runs.</summary>
/// <param name="Cron">Five fields or a macro. <c>H</c> is a value that is fixed per repository.</param>
/// <param name="Branch">The branch; null: the repository's default branch.</param>
public sealed record ScheduleEntry(string Cron, string? Branch)
{
    /// <summary>The name; null: none.</summary>
    public string? Name { get; init; }

    /// <summary>The IANA name of the time zone of <see cref="Cron"/>.</summary>
    public string TimeZone { get; init; } = TimeZones.Utc;

    /// <summary>Values of inputs that the file declares.</summary>
    public ImmutableSortedDictionary<string, string> Inputs { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>
    /// What a schedule is recognized by when the file changes, unique in the file: its name, else everything that it consists of.
    /// </summary>
    public string Key => Name is not null ? "name:" + Name : "hash:" + Hash();

    /// <summary>Two entries without inputs are equal although each has a dictionary of its own.</summary>
    public bool Equals(ScheduleEntry? other) => other is not null && Name == other.Name && Hash() == other.Hash();

    /// <inheritdoc/>
    public override int GetHashCode() => Hash().GetHashCode(StringComparison.Ordinal);

    private string Hash()
    {
        var fields = Cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        string[] parts = [string.Join(' ', fields), Branch ?? "", TimeZone, .. Inputs.SelectMany(i => new[] { i.Key, i.Value })];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..32];
    }
}
