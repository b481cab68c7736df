namespace Shipinator.Pipelines;

/// <summary>One thing that is wrong with a pipeline file, or with a request to plan it: what, where, and what was expected.</summary>
/// <param name="Code">A stable word for programs: <c>unknown_key</c>, <c>bad_value</c>, <c>duplicate_name</c>, …</param>
/// <param name="Message">A sentence for people: it quotes the offending text and says what was expected.</param>
/// <param name="File">The file's name, as it was given to <see cref="PipelineFile.Parse"/>.</param>
/// <param name="Line">From 1; 0 when the error is not about a place in the file.</param>
/// <param name="Column">From 1; 0 as for <paramref name="Line"/>.</param>
/// <param name="Path">The way through the document, such as <c>build.steps[1].image</c>; empty for the document itself.</param>
/// <param name="Snippet">The line of the file, shortened; empty when there is none.</param>
public sealed record PipelineError(string Code, string Message, string File, int Line, int Column, string Path, string Snippet)
{
    /// <summary>The error in the one-line form that editors and terminals know: <c>file:line:column: message</c>.</summary>
    public override string ToString() =>
        Line == 0 ? $"{File}: {Message} [{Code}]" : $"{File}:{Line}:{Column}: {Message} [{Code}]";
}

/// <summary>A value of the file and where it stands, so that an error which only shows itself while planning can still name its place.</summary>
internal sealed record Located(string Value, int Line, int Column, string Path);

/// <summary>Gathers errors: all of them, up to a number that a person can still use.</summary>
internal sealed class ErrorList(string file, string text)
{
    private const int Most = 100;
    private const int SnippetLength = 160;
    private readonly List<PipelineError> _errors = [];
    private readonly HashSet<(string Code, int Line, int Column, string Message)> _seen = [];
    private string[]? _lines;

    public int Count => _errors.Count;

    public void Add(string code, string message, int line, int column, string path)
    {
        // A mistake behind an anchor is met at every alias, under another path each time; one report is enough.
        if (_errors.Count < Most && _seen.Add((code, line, column, message[(message.IndexOf(": ", StringComparison.Ordinal) + 1)..])))
        {
            _errors.Add(new PipelineError(code, message, file, line, column, path, Snippet(line)));
        }
    }

    public void Add(string code, string message, Located at) => Add(code, message, at.Line, at.Column, at.Path);

    /// <summary>The column of a part of a scalar in its line; that of the scalar when the part is not written there as it reads.</summary>
    public int Column(int line, int from, string part)
    {
        _lines ??= text.Split('\n');
        var at = line >= 1 && line <= _lines.Length && from >= 1 && from <= _lines[line - 1].Length
            ? _lines[line - 1].IndexOf(part, from - 1, StringComparison.Ordinal)
            : -1;
        return at < 0 ? from : at + 1;
    }

    /// <summary>In the order of the file, so that a report reads from top to bottom.</summary>
    public IReadOnlyList<PipelineError> ToList() =>
        [.. _errors.OrderBy(e => e.Line).ThenBy(e => e.Column).ThenBy(e => e.Code, StringComparer.Ordinal)];

    private string Snippet(int line)
    {
        _lines ??= text.Split('\n');
        if (line < 1 || line > _lines.Length)
        {
            return "";
        }

        var whole = _lines[line - 1].TrimEnd('\r').Trim();
        return whole.Length > SnippetLength ? whole[..SnippetLength] + "…" : whole;
    }
}
