using System.Collections.Immutable;

namespace Shipinator.Grains.Executions;

/// <summary>Where the artifacts that a step names as inputs are written in its workspace.</summary>
internal sealed class InputLayout
{
    private readonly Dictionary<string, ResolvedInput> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ResolvedInput> _folders = new(StringComparer.Ordinal);
    private readonly ImmutableArray<ResolvedInput>.Builder _all = ImmutableArray.CreateBuilder<ResolvedInput>();

    /// <summary>All artifacts that were added, each once per path.</summary>
    public ImmutableArray<ResolvedInput> All => _all.ToImmutable();

    /// <summary>Adds the artifacts found for an input. Returns an error when two different artifacts would have the same path.</summary>
    public string? Add(InputSpec input, IEnumerable<ArtifactEntry> found)
    {
        foreach (var artifact in found)
        {
            if (input.KeepPaths != true)
            {
                _all.Add(new(artifact, input.Path));
                continue;
            }

            var target = Clean($"{input.Path}/{(artifact.Ref is null ? artifact.FileName : artifact.Id + ".ref")}");
            var resolved = new ResolvedInput(artifact, input.Path) { Target = target };
            if (_files.TryGetValue(target, out var same) && same.Artifact.Id == artifact.Id)
            {
                continue;
            }

            if (
                (
                    same
                    ?? _folders.GetValueOrDefault(target)
                    ?? Above(target).Select(f => _files.GetValueOrDefault(f)).FirstOrDefault(f => f is not null)
                ) is
                { } other
            )
            {
                return $"Two artifacts would be written to '{target}': {Name(other.Artifact)} and {Name(artifact)}. "
                    + "Choose one with 'job' or 'matrix' of the input, or give them different paths.";
            }

            _files.Add(target, resolved);
            foreach (var folder in Above(target))
            {
                _folders.TryAdd(folder, resolved);
            }

            _all.Add(resolved);
        }

        return null;
    }

    private static string Name(ArtifactEntry artifact) =>
        $"{artifact.Type} {artifact.FileName} of step {artifact.StepName} in job {artifact.JobName} (artifact {artifact.Id})";

    private static IEnumerable<string> Above(string path)
    {
        for (var at = path.IndexOf('/', StringComparison.Ordinal); at > 0; at = path.IndexOf('/', at + 1))
        {
            yield return path[..at];
        }
    }

    /// <summary>Normalizes a path. A path outside the workspace is kept; the runner refuses it.</summary>
    private static string Clean(string path) => string.Join('/', path.Split('/').Where(p => p is not ("" or ".")));
}
