using System.Text;

namespace Shipinator.Globbing;

/// <summary>Compiles one pattern into steps.</summary>
internal sealed class GlobCompiler
{
    private readonly List<GlobStep> _steps = [];
    private readonly StringBuilder _prefix = new();
    private readonly List<int> _exits = [];
    private readonly HashSet<int> _loops = [];
    private int[] _pattern = [];
    private int _fork = -1;

    public GlobStep[] Program => [.. _steps];

    /// <summary>The literal start of every match.</summary>
    public string Prefix => _prefix.ToString();

    /// <summary>Whether <see cref="Prefix"/> is the only match.</summary>
    public bool IsPlain { get; private set; } = true;

    /// <summary>Whether the pattern is the root folder, and therefore matches everything.</summary>
    public bool IsWholeRoot { get; private set; }

    /// <summary>Null, or what is wrong with the pattern.</summary>
    public string? Compile(string pattern)
    {
        if (pattern.Length > Glob.MaxCharacters)
        {
            return $"it is longer than {Glob.MaxCharacters} characters";
        }

        _pattern = [.. pattern.EnumerateRunes().Select(r => r.Value)];
        var i = 0;
        // './src' and '/src' are 'src': all patterns are relative to the root.
        while (i < _pattern.Length && (_pattern[i] == '/' || (_pattern[i] == '.' && At(i + 1) == '/')))
        {
            i += _pattern[i] == '/' ? 1 : 2;
        }

        if (i == _pattern.Length)
        {
            return "it is empty";
        }

        for (; i < _pattern.Length; i++)
        {
            if (One(ref i) is { } problem)
            {
                return problem;
            }
        }

        if (_fork >= 0)
        {
            return "its '{' is not closed";
        }

        IsPlain &= _pattern[^1] != '/';
        MarkRest();
        WholeFolder();
        _steps.Add(new(GlobStepKind.End));
        return null;
    }

    private int At(int index) => index >= 0 && index < _pattern.Length ? _pattern[index] : -1;

    private string? One(ref int i)
    {
        var c = _pattern[i];
        switch (c)
        {
            case '*':
                Stars(ref i);
                return null;
            case '?':
                Add(new(GlobStepKind.InSegment));
                return null;
            case '[':
                return Set(ref i);
            case '{' when _fork >= 0:
                return "it has nested '{'";
            case '{':
                IsPlain = false;
                _fork = _steps.Count;
                _steps.Add(default);
                return null;
            case ',' when _fork >= 0:
                EndAlternative();
                _fork = _steps.Count;
                _steps.Add(default);
                return null;
            case '}' when _fork >= 0:
                EndBraces();
                return null;
            case '\\' when i + 1 == _pattern.Length:
                return "it ends with '\\'";
            case '\\':
                Character(_pattern[++i]);
                return null;
            case '/':
                Slash(ref i);
                return null;
            default:
                Character(c);
                return null;
        }
    }

    /// <summary>Several slashes, or <c>/./</c>, are one.</summary>
    private void Slash(ref int i)
    {
        while (At(i + 1) == '/' || (At(i + 1) == '.' && At(i + 2) == '/'))
        {
            i += At(i + 1) == '/' ? 1 : 2;
        }

        Character('/');
    }

    private void Character(int c)
    {
        if (IsPlain)
        {
            _prefix.Append(new Rune(c).ToString());
        }

        _steps.Add(new(GlobStepKind.Character, c));
    }

    private void Add(GlobStep step)
    {
        IsPlain = false;
        _steps.Add(step);
    }

    private void Stars(ref int i)
    {
        var first = i;
        while (At(i + 1) == '*')
        {
            i++;
        }

        if (first == i)
        {
            Loop(GlobStepKind.InSegment);
        }
        else if (At(i + 1) == '/')
        {
            // '**/' is any number of folders; zero only where a folder's name could start.
            var fork = _steps.Count;
            Add(new(GlobStepKind.Fork, fork + 3));
            Add(new(GlobStepKind.AtSegmentStart));
            Add(default);
            Loop(GlobStepKind.Any);
            i++;
            Slash(ref i);
            _steps[fork + 2] = new(GlobStepKind.Jump, _steps.Count);
        }
        else
        {
            Loop(GlobStepKind.Any);
        }
    }

    /// <summary>Any number of characters.</summary>
    private void Loop(GlobStepKind kind)
    {
        var fork = _steps.Count;
        _loops.Add(fork);
        Add(new(GlobStepKind.Fork, fork + 3));
        Add(new(kind));
        Add(new(GlobStepKind.Jump, fork));
    }

    private void EndAlternative()
    {
        _exits.Add(_steps.Count);
        _steps.Add(default);
        _steps[_fork] = new(GlobStepKind.Fork, _steps.Count);
    }

    private void EndBraces()
    {
        // No alternative follows the last one.
        _steps[_fork] = new(GlobStepKind.Jump, _fork + 1);
        foreach (var exit in _exits)
        {
            _steps[exit] = new(GlobStepKind.Jump, _steps.Count);
        }

        _exits.Clear();
        _fork = -1;
    }

    private string? Set(ref int i)
    {
        const string wrong = "its '[' is not a set such as [a-z] or [!0-9]";
        var at = i + 1;
        var isNegated = At(at) is '!' or '^';
        at += isNegated ? 1 : 0;
        if (At(at) == '[' && At(at + 1) is ':' or '.' or '=')
        {
            return "character classes such as [:alpha:] are not supported; list the characters, such as [A-Za-z]";
        }

        var ranges = new List<(int From, int To)>();
        // A leading ']' is a member.
        for (var isFirst = true; isFirst || At(at) != ']'; isFirst = false)
        {
            if (!Member(ref at, out var from))
            {
                return wrong;
            }

            var to = from;
            if (At(at) == '-' && At(at + 1) is not ']' and not -1)
            {
                at++;
                if (!Member(ref at, out to) || from > to)
                {
                    return wrong;
                }
            }

            ranges.Add((from, to));
        }

        i = at;
        Add(new(GlobStepKind.Set, Set: new GlobSet(ranges, isNegated)));
        return null;
    }

    private bool Member(ref int at, out int member)
    {
        at += At(at) == '\\' ? 1 : 0;
        member = At(at++);
        return member is not -1 and not '/';
    }

    /// <summary>Marks a final <c>**</c>, which matches anything: a walk through folders uses this.</summary>
    private void MarkRest()
    {
        var end = _steps.Count;
        if (
            end >= 3
            && _steps[end - 2].Kind == GlobStepKind.Any
            && _steps[end - 3] is { Kind: GlobStepKind.Fork } fork
            && fork.Target == end
        )
        {
            _steps[end - 2] = new(GlobStepKind.Rest);
        }
    }

    /// <summary>
    /// A pattern, or an alternative at its end, that ends with a slash is a folder and matches everything in it. Only a literal final slash
    /// counts: the last part of <c>src/*</c> may be empty as well, but does not match deeper folders.
    /// </summary>
    private void WholeFolder()
    {
        var end = _steps.Count;
        for (var i = 0; i < end; i++)
        {
            if (_steps[i] is { Kind: GlobStepKind.Character, Target: '/' } && ReachesEnd(i + 1, end, []))
            {
                _steps[i] = new(GlobStepKind.FolderSlash, '/');
            }
        }

        // The folder of '**/' may also be the root.
        IsWholeRoot = _pattern[^1] == '/' && ReachesEnd(0, end, []);
        _steps.Add(new(GlobStepKind.Jump, end + Glob.TailLength));
        _steps.Add(new(GlobStepKind.Fork, end + Glob.TailLength));
        _steps.Add(new(GlobStepKind.Rest));
        _steps.Add(new(GlobStepKind.Jump, end + 1));
    }

    /// <summary>Whether the end can be reached from a step without a character.</summary>
    private bool ReachesEnd(int step, int end, HashSet<int> seen)
    {
        if (step >= end || !seen.Add(step) || _loops.Contains(step))
        {
            return step == end;
        }

        return _steps[step].Kind switch
        {
            GlobStepKind.Jump => ReachesEnd(_steps[step].Target, end, seen),
            GlobStepKind.Fork => ReachesEnd(step + 1, end, seen) || ReachesEnd(_steps[step].Target, end, seen),
            GlobStepKind.AtSegmentStart => ReachesEnd(step + 1, end, seen),
            _ => false,
        };
    }
}
