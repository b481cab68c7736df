using Shipinator.Encodings;
using Shipinator.Forges;
using Shipinator.Pipelines;

namespace Shipinator.Triggers.Repositories;

/// <summary>The fields of a repository. Errors of every method: <see cref="MalformedException"/> with the field.</summary>
internal static class RepositoryFields
{
    /// <summary>The default name of a repository: the last part of its clone URL, without <c>.git</c>.</summary>
    public static string NameOf(string url)
    {
        var name = url.TrimEnd('/').Split('/', '\\', ':')[^1];
        return name.EndsWith(".git", StringComparison.Ordinal) && name.Length > 4 ? name[..^4] : name;
    }

    public static string Branch(string branch) =>
        branch.Trim() is { Length: > 0 and <= Fields.Ref } trimmed && !trimmed.Any(c => char.IsControl(c) || c == ' ')
            ? trimmed
            : throw new MalformedException(
                "default_branch_malformed",
                "default_branch",
                $"default_branch must be the name of a branch, such as main, of at most {Fields.Ref} characters."
            );

    /// <summary>The path of the pipeline file below the repository's root; an empty one stands for the default path.</summary>
    public static string? PipelinePath(string? path)
    {
        var trimmed = path?.Trim();
        return trimmed is { Length: > 0 } && PipelineFile.PathProblem(trimmed) is { } problem
            ? throw new MalformedException(
                "pipeline_file_malformed",
                "pipeline_file",
                $"pipeline_file {problem}; expected a path below the repository's root, such as ci/build.yaml."
            )
            : trimmed;
    }

    /// <summary>
    /// An http or https URL without credentials, or an absolute path; a file URL is converted to its path, so that one repository has one
    /// address.
    /// </summary>
    public static string CloneUrl(string cloneUrl)
    {
        var url = Fields.Text(cloneUrl, "clone_url", Fields.Url)?.Trim(' ') ?? "";
        if (InvisibleCharacters.First(url) is { } hidden)
        {
            throw Malformed($"clone_url contains the invisible character {hidden}; remove it.");
        }

        if (LocalAddress.IsLocal(url))
        {
            return LocalAddress.TryParse(url, out var local) ?? throw Malformed($"clone_url '{url}' can't be cloned: {local}.");
        }

        if (IsSsh(url))
        {
            throw Malformed(
                $"clone_url '{url}' can't be cloned: SSH is not supported. "
                    + "Use the https URL of the repository, with a token if it is private."
            );
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https"))
        {
            throw Malformed($"clone_url '{url}' can't be cloned; expected an http or https URL, or an absolute path.");
        }

        if (parsed.UserInfo.Length > 0)
        {
            throw new MalformedException(
                "clone_url_credential",
                "clone_url",
                "clone_url must not contain a credential, because everybody can read it; "
                    + "set the repository's own credential ('shipinator repo credential set') "
                    + "or that of the host (Shipinator:GitCredentials)."
            );
        }

        return CloneAddress.TryParse(url, out var problem) is not null
            ? url
            : throw Malformed($"clone_url '{url}' can't be cloned: {problem}.");
    }

    /// <summary><c>ssh://…</c> or <c>git@host:path</c>.</summary>
    private static bool IsSsh(string url) =>
        url.StartsWith("ssh:", StringComparison.OrdinalIgnoreCase)
        || url.StartsWith("git+ssh:", StringComparison.OrdinalIgnoreCase)
        || (
            url.IndexOf('@', StringComparison.Ordinal) is > 0 and var at
            && !url.Contains("://", StringComparison.Ordinal)
            && url.IndexOf(':', at) > at
        );

    private static MalformedException Malformed(string message) => new("clone_url_malformed", "clone_url", message);
}
