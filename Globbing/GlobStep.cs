namespace Shipinator.Globbing;

/// <summary>The kind of a step of a compiled pattern.</summary>
internal enum GlobStepKind
{
    /// <summary>Matches one specific character.</summary>
    Character,

    /// <summary>Matches a slash that ends the pattern: everything in that folder matches, too.</summary>
    FolderSlash,

    /// <summary>Matches any character except <c>/</c>.</summary>
    InSegment,

    /// <summary>Matches any character.</summary>
    Any,

    /// <summary>As <see cref="Any"/> at the end of the pattern: any rest matches.</summary>
    Rest,

    /// <summary>Matches a character of a set.</summary>
    Set,

    /// <summary>Continues at two places.</summary>
    Fork,

    /// <summary>Continues elsewhere.</summary>
    Jump,

    /// <summary>Continues only where a name could start: at the beginning, or after <c>/</c>.</summary>
    AtSegmentStart,

    /// <summary>The end of the pattern; the last step.</summary>
    End,
}

/// <summary>One step; a step that matches a character continues with the next one.</summary>
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

/// <summary>A set such as <c>[a-z_]</c>; it never contains <c>/</c>.</summary>
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
