namespace Shipinator.Pipelines;

/// <summary>The result of reading a file: either a model or errors.</summary>
/// <param name="Model">The model; null when there are errors.</param>
/// <param name="Errors">In the order of the file, at most 100.</param>
public sealed record PipelineFileResult(PipelineModel? Model, IReadOnlyList<PipelineError> Errors)
{
    /// <summary>Valid but probably unintended content, in the order of the file, at most 100; also present when there are errors.</summary>
    public IReadOnlyList<PipelineError> Warnings { get; init; } = [];
}

/// <summary>Reads <c>.shipinator.yaml</c>. Pure: the same text gives the same result, and no text causes an exception.</summary>
public static class PipelineFile
{
    /// <summary>The default path of the file, at the root of a repository.</summary>
    public const string DefaultName = ".shipinator.yaml";

    /// <summary>
    /// What is wrong with a pipeline file's path relative to the repository's root, completing "the path …"; null when it is valid.
    /// </summary>
    public static string? PathProblem(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Length is 0 or > 250 ? "must have 1 to 250 characters"
            : path[0] == '/' || path.Contains('\\', StringComparison.Ordinal) ? "must be relative, with forward slashes"
            : path.Split('/').Any(p => p is "" or "." or ".." || p.Equals(".git", StringComparison.OrdinalIgnoreCase))
                ? "must not have empty parts, '.', '..' or '.git'"
            : Names.HiddenCharacter(path) is { } hidden ? $"must not contain the invisible character {hidden}"
            : null;
    }

    /// <summary>
    /// Reads a file's text; <paramref name="fileName"/> is only for messages. Errors: <see cref="OperationCanceledException"/>.
    /// </summary>
    public static PipelineFileResult Parse(string text, string fileName = DefaultName, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(fileName);
        var errors = new ErrorList(Characters.Show(fileName), text, cancellationToken);
        var root = YamlTreeReader.Read(text, errors);
        if (root is null)
        {
            return new PipelineFileResult(null, errors.ToList());
        }

        new ShapeChecker(errors).Check(root, PipelineShapes.File, "");
        var model = root is YamlMapping map ? new FileReader(errors, Characters.Show(fileName), text).Read(map) : null;
        return errors.Count == 0
            ? new PipelineFileResult(model, []) { Warnings = errors.Warnings }
            : new PipelineFileResult(null, errors.ToList()) { Warnings = errors.Warnings };
    }
}
