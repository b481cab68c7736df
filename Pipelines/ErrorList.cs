namespace Shipinator.Pipelines;

/// <summary>
/// Collects errors and warnings, up to a number that is still useful. Expensive work per error (suggestions, positions within a text) is
/// done for a limited number of them, so that no file can cause more.
/// </summary>
internal sealed class ErrorList(string file, string text, CancellationToken cancellationToken = default)
{
    private const int Most = 100;
    private const int SnippetLength = 160;
    private const int MessageLength = 2000;
    private const int MostSuggestions = 20_000;
    private readonly List<PipelineError> _errors = [];
    private readonly List<PipelineError> _warnings = [];
    private readonly HashSet<(string Code, int Line, int Column, string Message)> _seen = [];
    private readonly HashSet<(int Line, int Column, int Index, string Message)> _met = [];
    private int _suggestions = MostSuggestions;
    private string[]? _lines;

    public int Count => _errors.Count;

    /// <summary>Whether further errors would be dropped.</summary>
    public bool IsFull => _errors.Count == Most;

    /// <summary>Errors: <see cref="OperationCanceledException"/> when the caller has canceled.</summary>
    public void ThrowIfCanceled() => cancellationToken.ThrowIfCancellationRequested();

    public void Add(string code, string message, int line, int column, string path) => Add(_errors, code, message, line, column, path);

    public void Add(string code, string message, Located at) => Add(code, message, at.Line, at.Column, at.Path);

    /// <summary>Something valid but probably unintended.</summary>
    public void Warn(string code, string message, int line, int column, string path) => Add(_warnings, code, message, line, column, path);

    /// <summary>
    /// An error at a part of a scalar. For a scalar seen again through an alias the position is not computed again.
    /// </summary>
    public void Add(string code, string message, YamlScalar scalar, int index, string part, string path)
    {
        if (!IsFull && _met.Count < MostSuggestions && _met.Add((scalar.Line, scalar.Column, index, code + message)))
        {
            var (line, column) = Place(scalar, index, part);
            Add(code, $"{path}: {message}", line, column, path);
        }
    }

    /// <summary>As <see cref="Add(string, string, YamlScalar, int, string, string)"/>.</summary>
    public void Warn(string code, string message, YamlScalar scalar, int index, string part, string path)
    {
        if (_warnings.Count < Most && _met.Count < MostSuggestions && _met.Add((scalar.Line, scalar.Column, index, code + message)))
        {
            var (line, column) = Place(scalar, index, part);
            Warn(code, $"{path}: {message}", line, column, path);
        }
    }

    /// <summary>" Did you mean 'x'?", or empty; always empty after very many calls.</summary>
    public string DidYouMean(string wrong, IReadOnlyCollection<string> words)
    {
        _suggestions -= words.Count;
        return IsFull || _suggestions < 0 ? "" : Phrases.DidYouMean(wrong, words);
    }

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<PipelineError> ToList() => Sorted(_errors);

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<PipelineError> Warnings => Sorted(_warnings);

    private static List<PipelineError> Sorted(List<PipelineError> errors) =>
        [.. errors.OrderBy(e => e.Line).ThenBy(e => e.Column).ThenBy(e => e.Code, StringComparer.Ordinal)];

    private void Add(List<PipelineError> list, string code, string message, int line, int column, string path)
    {
        if (list.Count == Most)
        {
            return;
        }

        var shown = Characters.Show(message.Length > MessageLength ? message[..MessageLength] + "…" : message);
        // A mistake behind an anchor is found at every alias, each time under another path; one report is enough.
        if (_seen.Add((code, line, column, shown[(shown.IndexOf(": ", StringComparison.Ordinal) + 1)..])))
        {
            list.Add(new PipelineError(code, shown, file, line, column, path, Snippet(line)));
        }
    }

    /// <summary>The position of a part of a scalar; that of the scalar itself when the part is written differently in the file.</summary>
    private (int Line, int Column) Place(YamlScalar scalar, int index, string part)
    {
        var line = scalar.Literal ? scalar.Line + 1 + scalar.Value.AsSpan(0, index).Count('\n') : scalar.Line;
        var from = scalar.Literal ? 1 : scalar.Column;
        var lines = Lines;
        if (line < 1 || line > lines.Length || from < 1 || from > lines[line - 1].Length)
        {
            return (line, from);
        }

        // The part may also occur earlier in a literal line: its distance from the line's end identifies it.
        var written = lines[line - 1].TrimEnd('\r');
        if (scalar.Literal)
        {
            var end = scalar.Value.IndexOf('\n', index);
            var at = written.Length - ((end < 0 ? scalar.Value.Length : end) - index);
            return (line, at >= 0 && string.CompareOrdinal(written, at, part, 0, part.Length) == 0 ? at + 1 : from);
        }

        var found = written.IndexOf(part, from - 1, StringComparison.Ordinal);
        return (line, found < 0 ? from : found + 1);
    }

    private string[] Lines => _lines ??= text.Split('\n');

    private string Snippet(int line)
    {
        if (line < 1 || line > Lines.Length)
        {
            return "";
        }

        var whole = Lines[line - 1].AsSpan().TrimEnd('\r').Trim();
        var isLong = whole.Length > SnippetLength;
        return Characters.Show((isLong ? whole[..SnippetLength] : whole).ToString()) + (isLong ? "…" : "");
    }
}
