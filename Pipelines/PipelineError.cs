namespace Shipinator.Pipelines;

/// <summary>A problem in a pipeline file, or in a request to plan it: what, where, and what was expected.</summary>
/// <param name="Code">A stable code for programs: <c>unknown_key</c>, <c>bad_value</c>, <c>duplicate_name</c>, …</param>
/// <param name="Message">Quotes the offending text and says what was expected.</param>
/// <param name="File">The file's name, as it was given to <see cref="PipelineFile.Parse"/>.</param>
/// <param name="Line">From 1; 0 when the error is not about a place in the file.</param>
/// <param name="Column">From 1; 0 as for <paramref name="Line"/>.</param>
/// <param name="Path">The path in the document, such as <c>build.steps[1].image</c>; empty for the document itself.</param>
/// <param name="Snippet">The line of the file, shortened; empty when there is none.</param>
public sealed record PipelineError(string Code, string Message, string File, int Line, int Column, string Path, string Snippet)
{
    /// <summary>The one-line form that editors and terminals understand: <c>file:line:column: message</c>.</summary>
    public override string ToString() => Line == 0 ? $"{File}: {Message} [{Code}]" : $"{File}:{Line}:{Column}: {Message} [{Code}]";
}

/// <summary>A value of the file with its position, so that an error found while planning can still name its line.</summary>
internal sealed record Located(string Value, int Line, int Column, string Path);
