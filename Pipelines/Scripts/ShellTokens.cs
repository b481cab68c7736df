using System.Text;

namespace Shipinator.Pipelines;

/// <summary>A word or an operator of a shell script, with its position.</summary>
/// <param name="Text">An operator (a line break counts as one), or a word in which each quoted part is replaced by <c>"</c>.</param>
/// <param name="Index">In the script.</param>
/// <param name="IsOperator">Whether it is an operator.</param>
internal readonly record struct ShellToken(string Text, int Index, bool IsOperator);

/// <summary>
/// Tokenizes a shell script well enough to find its commands: quotes, comments, here-documents, expansions. It never fails and takes linear
/// time: an unclosed construct ends with the script.
/// </summary>
internal sealed class ShellTokens(string script, int start, int end, Action<int, string> found)
{
    private static readonly string[] Operators =
    [
        "<<<",
        "<<-",
        "&&",
        "||",
        ";;",
        "|&",
        "&>",
        "<<",
        ">>",
        ">&",
        "<&",
        "<>",
        ">|",
        "<(",
        ">(",
        "|",
        "&",
        ";",
        "(",
        ")",
        "<",
        ">",
    ];

    private readonly Queue<(string Word, bool Tabs)> _documents = new();
    private int _at = start;

    /// <summary>The parts of the script that contain commands themselves: the insides of <c>$( )</c>.</summary>
    public List<(int Start, int End)> Inner { get; } = [];

    public IEnumerable<ShellToken> Read()
    {
        while (_at < end)
        {
            var c = script[_at];
            if (c is ' ' or '\t' or '\r')
            {
                _at++;
            }
            else if (c == '\\' && Next(1) == '\n')
            {
                _at += 2;
            }
            else if (c == '#')
            {
                _at = LineEnd(_at);
            }
            else if (c == '\n')
            {
                yield return new("\n", _at++, IsOperator: true);
                SkipDocuments();
            }
            else if (Operator() is { } op)
            {
                yield return new(op, _at, IsOperator: true);
                _at += op.Length;
                if (op is "<<" or "<<-")
                {
                    Document(op == "<<-");
                }
            }
            else
            {
                var index = _at;
                yield return new(Word(), index, IsOperator: false);
            }
        }
    }

    private char Next(int offset) => _at + offset < end ? script[_at + offset] : '\0';

    private int LineEnd(int from)
    {
        var at = script.IndexOf('\n', from, end - from);
        return at < 0 ? end : at;
    }

    private string? Operator()
    {
        foreach (var op in Operators)
        {
            if (op.Length <= end - _at && string.CompareOrdinal(script, _at, op, 0, op.Length) == 0)
            {
                return op;
            }
        }

        return null;
    }

    private void Document(bool tabs)
    {
        while (Next(0) is ' ' or '\t')
        {
            _at++;
        }

        var from = _at;
        Word();
        _documents.Enqueue(
            (
                script[from.._at]
                    .Replace("'", "", StringComparison.Ordinal)
                    .Replace("\"", "", StringComparison.Ordinal)
                    .Replace("\\", "", StringComparison.Ordinal),
                tabs
            )
        );
    }

    private void SkipDocuments()
    {
        while (_documents.TryDequeue(out var document))
        {
            while (_at < end)
            {
                var stop = LineEnd(_at);
                var line = script.AsSpan(_at, stop - _at).TrimEnd('\r');
                _at = Math.Min(end, stop + 1);
                if ((document.Tabs ? line.TrimStart('\t') : line).SequenceEqual(document.Word))
                {
                    break;
                }
            }
        }
    }

    private string Word()
    {
        var word = new StringBuilder();
        while (_at < end && script[_at] is not (' ' or '\t' or '\r' or '\n' or ';' or '&' or '|' or '<' or '>' or '(' or ')'))
        {
            switch (script[_at])
            {
                case '\\':
                    word.Append('"');
                    _at = Math.Min(end, _at + 2);
                    break;
                case '\'':
                    word.Append('"');
                    SkipTo('\'', escapes: false);
                    break;
                case '"':
                    word.Append('"');
                    DoubleQuotes();
                    break;
                case '`':
                    word.Append('"');
                    SkipTo('`', escapes: true);
                    break;
                case '$':
                    word.Append('$');
                    Dollar(inQuotes: false);
                    break;
                default:
                    word.Append(script[_at++]);
                    break;
            }
        }

        return word.ToString();
    }

    private void SkipTo(char close, bool escapes)
    {
        _at++;
        while (_at < end && script[_at] != close)
        {
            _at += escapes && script[_at] == '\\' ? 2 : 1;
        }

        _at = Math.Min(end, _at + 1);
    }

    private void DoubleQuotes()
    {
        _at++;
        while (_at < end && script[_at] != '"')
        {
            switch (script[_at])
            {
                case '\\':
                    _at += 2;
                    break;
                case '$':
                    Dollar(inQuotes: true);
                    break;
                default:
                    _at++;
                    break;
            }
        }

        _at = Math.Min(end, _at + 1);
    }

    private void Dollar(bool inQuotes)
    {
        var from = _at++;
        switch (Next(0))
        {
            case '(':
                Parentheses(from);
                break;
            case '{':
                var close = script.IndexOf('}', _at, end - _at);
                _at = close < 0 ? end : close + 1;
                if (BashExpansion(script.AsSpan(from, _at - from)))
                {
                    found(from, script[from.._at]);
                }

                break;
            case '\'' when !inQuotes:
                found(from, "$'");
                SkipTo('\'', escapes: true);
                break;
            default:
                break;
        }
    }

    private void Parentheses(int from)
    {
        var isArithmetic = Next(1) == '(';
        var inner = _at + 1;
        var depth = 0;
        do
        {
            switch (script[_at])
            {
                case '(':
                    depth++;
                    _at++;
                    break;
                case ')':
                    depth--;
                    _at++;
                    break;
                case '\\':
                    _at += 2;
                    break;
                case '\'' when !isArithmetic:
                    SkipTo('\'', escapes: false);
                    break;
                case '"':
                    // Nested quotes are skipped here; expansions in them are read with the inside.
                    SkipTo('"', escapes: true);
                    break;
                default:
                    _at++;
                    break;
            }
        } while (depth > 0 && _at < end);

        _at = Math.Min(end, _at);
        if (!isArithmetic && from >= 0 && _at - 1 > inner)
        {
            Inner.Add((inner, _at - 1));
        }
    }

    /// <summary>
    /// <c>${x//a/b}</c>, <c>${x^}</c>, <c>${x:1:2}</c>, <c>${x[0]}</c>, <c>${!x}</c>: POSIX has only defaults, lengths and trimming.
    /// </summary>
    private static bool BashExpansion(ReadOnlySpan<char> text)
    {
        var inside = text[2..].TrimEnd('}');
        if (inside.StartsWith("!") && inside.Length > 1)
        {
            return true;
        }

        inside = inside.TrimStart('#');
        var length = 0;
        while (length < inside.Length && (char.IsAsciiLetterOrDigit(inside[length]) || inside[length] == '_'))
        {
            length++;
        }

        return length > 0
            && length < inside.Length
            && inside[length] switch
            {
                '/' or '^' or ',' or '@' or '[' => true,
                ':' => length + 1 < inside.Length && (char.IsAsciiDigit(inside[length + 1]) || inside[length + 1] is ' ' or '$' or '('),
                _ => false,
            };
    }
}
