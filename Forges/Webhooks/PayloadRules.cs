namespace Shipinator.Forges.Webhooks;

/// <summary>The longest texts that are taken from a payload, in characters.</summary>
internal static class PayloadRules
{
    /// <summary>Refs and names of branches.</summary>
    public const int Ref = 1000;

    /// <summary>Logins, names of authors and of repositories.</summary>
    public const int Name = 255;

    /// <summary>Titles of pull requests.</summary>
    public const int Title = 1000;

    /// <summary>Messages of commits; the rest is cut off.</summary>
    public const int Message = 64 * 1024;

    /// <summary>Whether a ref is one whose changes start or cancel runs.</summary>
    public static bool IsBranchOrTag(string fullRef) =>
        (fullRef.StartsWith("refs/heads/", StringComparison.Ordinal) && fullRef.Length > "refs/heads/".Length)
        || (fullRef.StartsWith("refs/tags/", StringComparison.Ordinal) && fullRef.Length > "refs/tags/".Length);

    /// <summary>The sentence for an event that is of no interest.</summary>
    public static ForgeIgnored NoRun(string eventName) => new() { Reason = $"Events of the kind '{eventName}' start no runs." };

    /// <summary>The sentence for a push to a ref that is neither a branch nor a tag.</summary>
    public static ForgeIgnored OtherRef(string fullRef) =>
        new() { Reason = $"'{(fullRef.Length > 100 ? fullRef[..100] + "…" : fullRef)}' is neither a branch nor a tag." };
}
