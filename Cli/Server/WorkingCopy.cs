using System.Diagnostics;

namespace Shipinator.Cli.Server;

/// <summary>A Git repository on this machine, read with the <c>git</c> program.</summary>
internal sealed class WorkingCopy
{
    /// <summary>The default path of the pipeline file.</summary>
    public const string PipelineFile = ".shipinator.yaml";

    private WorkingCopy(string root) => Root = root;

    /// <summary>The absolute path of the top-level folder.</summary>
    public string Root { get; }

    /// <summary>The folder's name.</summary>
    public string Name => Path.GetFileName(Root) is { Length: > 0 } name ? name : "repository";

    /// <summary>Opens the repository that contains a folder. Errors: <see cref="CliException"/>.</summary>
    public static async Task<WorkingCopy> OpenAsync(string path, CancellationToken cancellationToken)
    {
        var full = Path.GetFullPath(path);
        if (!Directory.Exists(full))
        {
            throw new CliException(ExitCodes.Usage, $"Folder {full} does not exist.");
        }

        var (code, output, error) = await GitAsync(full, ["rev-parse", "--show-toplevel"], cancellationToken);
        return code == 0
            ? new(output)
            : throw new CliException(
                ExitCodes.Usage,
                $"{full} is not in a Git repository: {error}. Create one with 'git init' and commit."
            );
    }

    /// <summary>
    /// Resolves a revision (null: HEAD) as Git does: the full ref of its branch or tag, or the commit if it has none, and the commit.
    /// Errors: <see cref="CliException"/>, also for a name that is both a branch and a tag.
    /// </summary>
    public async Task<(string Ref, string Commit)> ResolveAsync(string? revision, CancellationToken cancellationToken)
    {
        if (
            revision is not null
            && !revision.StartsWith("refs/", StringComparison.Ordinal)
            && await RefExistsAsync("refs/heads/" + revision, cancellationToken)
            && await RefExistsAsync("refs/tags/" + revision, cancellationToken)
        )
        {
            throw new CliException(
                ExitCodes.Usage,
                $"'{revision}' is both a branch and a tag in {Root}. Use refs/heads/{revision} or refs/tags/{revision}."
            );
        }

        var commit = await CommitAsync(revision, cancellationToken);
        var name = revision ?? "HEAD";
        if (await FullNameAsync(name, cancellationToken) is { } exact)
        {
            return (exact, commit);
        }

        // An ancestor expression still belongs to its branch: main~2, HEAD^, HEAD@{1}, @.
        var end = name.AsSpan().IndexOfAny("~^@:");
        var holder = end < 0 ? null : await FullNameAsync(end == 0 ? "HEAD" : name[..end], cancellationToken);
        return
            holder is not null
            && holder.StartsWith("refs/heads/", StringComparison.Ordinal)
            && await GitAsync(Root, ["merge-base", "--is-ancestor", commit, holder], cancellationToken) is (0, _, _)
            ? (holder, commit)
            : (commit, commit);
    }

    /// <summary>
    /// The repository's default branch: that of <c>origin/HEAD</c>, else <c>main</c> or <c>master</c>, else the current branch, else any.
    /// Null: there is no branch.
    /// </summary>
    public async Task<string?> DefaultBranchAsync(CancellationToken cancellationToken)
    {
        const string origin = "refs/remotes/origin/";
        if (
            await GitAsync(Root, ["symbolic-ref", "--quiet", origin + "HEAD"], cancellationToken) is (0, var head, _)
            && head.StartsWith(origin, StringComparison.Ordinal)
        )
        {
            return head[origin.Length..];
        }

        foreach (var usual in new[] { "main", "master" })
        {
            if (await RefExistsAsync("refs/heads/" + usual, cancellationToken))
            {
                return usual;
            }
        }

        return await AnyBranchAsync(cancellationToken);
    }

    private async Task<bool> RefExistsAsync(string fullRef, CancellationToken cancellationToken) =>
        await GitAsync(Root, ["show-ref", "--verify", "--quiet", "--", fullRef], cancellationToken) is (0, _, _);

    /// <summary>The full ref of a branch or tag, or null.</summary>
    private async Task<string?> FullNameAsync(string name, CancellationToken cancellationToken) =>
        await GitAsync(Root, ["rev-parse", "--verify", "--quiet", "--symbolic-full-name", "--end-of-options", name], cancellationToken)
            is (0, var full, _)
        && (full.StartsWith("refs/heads/", StringComparison.Ordinal) || full.StartsWith("refs/tags/", StringComparison.Ordinal))
            ? full
            : null;

    /// <summary>Resolves a revision (null: HEAD) to a commit. Errors: <see cref="CliException"/>.</summary>
    public async Task<string> CommitAsync(string? reference, CancellationToken cancellationToken)
    {
        var (code, output, _) = await GitAsync(
            Root,
            ["rev-parse", "--verify", "--quiet", "--end-of-options", (reference ?? "HEAD") + "^{commit}"],
            cancellationToken
        );
        return code == 0
            ? output
            : throw new CliException(
                ExitCodes.Usage,
                reference is null
                    ? $"{Root} has no commits yet, and a run needs one. Create it with 'git add' and 'git commit'."
                    : $"{Root} has no branch, tag or commit '{reference}'."
            );
    }

    /// <summary>The current branch, or null.</summary>
    public async Task<string?> BranchAsync(CancellationToken cancellationToken) =>
        await GitAsync(Root, ["symbolic-ref", "--quiet", "--short", "HEAD"], cancellationToken) is (0, var branch, _) ? branch : null;

    /// <summary>The current branch, else the first branch, else null.</summary>
    public async Task<string?> AnyBranchAsync(CancellationToken cancellationToken) =>
        await BranchAsync(cancellationToken)
        ?? (
            await GitAsync(Root, ["for-each-ref", "--count=1", "--format=%(refname:short)", "refs/heads"], cancellationToken)
                is (0, { Length: > 0 } first, _)
                ? first
                : null
        );

    /// <summary>The URL of <c>origin</c>, or null.</summary>
    public async Task<string?> OriginAsync(CancellationToken cancellationToken) =>
        await GitAsync(Root, ["remote", "get-url", "origin"], cancellationToken) is (0, { Length: > 0 } url, _) ? url : null;

    /// <summary>Whether there are uncommitted changes.</summary>
    public async Task<bool> IsDirtyAsync(CancellationToken cancellationToken) =>
        await GitAsync(Root, ["status", "--porcelain", "--untracked-files=normal"], cancellationToken) is (0, { Length: > 0 }, _);

    /// <summary>Checks that a commit contains the pipeline file. Errors: <see cref="CliException"/>.</summary>
    public async Task RequirePipelineFileAsync(string commit, string file, CancellationToken cancellationToken)
    {
        var (code, _, _) = await GitAsync(Root, ["cat-file", "-e", $"{commit}:{file}"], cancellationToken);
        if (code == 0)
        {
            return;
        }

        throw new CliException(
            ExitCodes.PipelineFile,
            File.Exists(Path.Combine(Root, file))
                ? $"{file} is not in commit {commit[..8]}. Run 'git add {file}' and commit it."
                : $"{Root} has no {file}. A minimal pipeline file:\n  build:\n    steps:\n      - {{ name: compile, run: make }}"
        );
    }

    private static async Task<(int Code, string Output, string Error)> GitAsync(
        string folder,
        string[] arguments,
        CancellationToken cancellationToken
    )
    {
        var start = new ProcessStartInfo("git")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["LC_ALL"] = "C";
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, output.Trim(), (await error).Trim().Replace("fatal: ", "", StringComparison.Ordinal));
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new CliException(ExitCodes.Usage, $"Can't start 'git': {e.Message}. Install it (Debian: apt-get install git).", e);
        }
    }
}
