namespace Shipinator.Globbing;

/// <summary>What one step of a compiled pattern does.</summary>
internal enum GlobStepKind
{
    /// <summary>Takes one certain character.</summary>
    Character,

    /// <summary>Takes a slash that ends the pattern: everything in that folder matches, too.</summary>
    FolderSlash,

    /// <summary>Takes any character but <c>/</c>.</summary>
    InSegment,

    /// <summary>Takes any character.</summary>
    Any,

    /// <summary>As <see cref="Any"/>, and nothing but more of it follows: whatever comes, it matches.</summary>
    Rest,

    /// <summary>Takes a character of a set.</summary>
    Set,

    /// <summary>Goes on at two places.</summary>
    Fork,

    /// <summary>Goes on elsewhere.</summary>
    Jump,

    /// <summary>Goes on where a name could begin: at the start, or after <c>/</c>.</summary>
    AtSegmentStart,

    /// <summary>The end of the pattern; the last step.</summary>
    End,
}

/// <summary>One step; what takes a character goes on with the step after it.</summary>
internal readonly record struct GlobStep(GlobStepKind Kind, int Target = 0, GlobSet? Set = null)
{
    public bool Takes(int character) =>
        Kind switch
        {
            GlobStepKind.Character or GlobStepKind.FolderSlash => character == Target,
            GlobStepKind.InSegment => character != '/',
            GlobStepKind.Any or GlobStepKind.Rest => true,
            GlobStepKind.Set => Set!.Has(character),
            _ => false,
        };
}

/// <summary>A set such as <c>[a-z_]</c>; it never has <c>/</c>.</summary>
internal sealed class GlobSet(IReadOnlyList<(int From, int To)> ranges, bool isNegated)
{
    public bool Has(int character)
    {
        if (character == '/')
        {
            return false;
        }

        foreach (var (from, to) in ranges)
        {
            if (character >= from && character <= to)
            {
                return !isNegated;
            }
        }

        return isNegated;
    }
}
