using System.Globalization;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Puts a commit into the empty workspace: as deep as was asked for, with or without tags, submodules and LFS files.</summary>
internal static class Checkout
{
    /// <summary>Errors: <see cref="PrepareException"/>.</summary>
    public static async Task RunAsync(
        RunnerSettings settings,
        SourceResponse source,
        Action<string> say,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        var git = new Git(settings.Workspace, GitSettings.Write(settings, source), time, cancellationToken);
        var clone = source.CloneOptions ?? new();
        say($"Checking out {source.Commit} of {source.CloneUrl} ({Describe(clone)})");
        await git.RunAsync("init", "--quiet", ".");
        await git.RunAsync("remote", "add", "origin", source.CloneUrl);
        await FetchAsync(git, source, clone);
        await git.RunAsync("checkout", "--quiet", "--detach", source.Commit);
        await SubmodulesAsync(git, settings.Workspace, clone, say);
        await LfsAsync(git, clone, say);
    }

    private static async Task FetchAsync(Git git, SourceResponse source, CloneResponse clone)
    {
        string[] filter = clone.Filter is { Length: > 0 } wanted ? ["--filter=" + wanted] : [];
        var tags = clone.Tags ? "--tags" : "--no-tags";
        string[] depth = clone.Depth > 0 ? ["--depth", clone.Depth.ToString(CultureInfo.InvariantCulture)] : [];
        var (code, words) = await git.TryAsync(["fetch", "--quiet", tags, .. depth, .. filter, "origin", source.Commit]);
        if (code == 0)
        {
            return;
        }

        // Some servers give only what a ref names. The ref is a full one: a tag of the same name is never taken for a branch.
        var wider = "";
        if (source.Ref.StartsWith("refs/", StringComparison.Ordinal))
        {
            (code, wider) = await git.TryAsync(["fetch", "--quiet", tags, .. filter, "origin", $"+{source.Ref}:refs/shipinator/head"]);
        }

        if (code != 0)
        {
            throw new PrepareException(
                $"The commit {source.Commit} of {source.CloneUrl} can't be fetched: {words.Trim()} {wider.Trim()}".Trim()
                    + Hint(words + wider)
            );
        }
    }

    private static async Task SubmodulesAsync(Git git, string workspace, CloneResponse clone, Action<string> say)
    {
        if (!File.Exists(Path.Combine(workspace, ".gitmodules")))
        {
            return;
        }

        if (clone.Submodules is not ("true" or "recursive"))
        {
            say("Left out: the submodules that .gitmodules names. 'clone: { submodules: true }' in the pipeline file fetches them.");
            return;
        }

        string[] recursive = clone.Submodules == "recursive" ? ["--recursive"] : [];
        string[] depth = clone.Depth > 0 ? ["--depth", clone.Depth.ToString(CultureInfo.InvariantCulture)] : [];
        var (code, words) = await git.TryAsync(["submodule", "--quiet", "update", "--init", .. recursive, .. depth]);
        if (code != 0 && depth.Length > 0)
        {
            // Some servers give only what a ref names.
            (code, words) = await git.TryAsync(["submodule", "--quiet", "update", "--init", .. recursive]);
        }

        if (code != 0)
        {
            throw new PrepareException($"The submodules can't be fetched: {words.Trim()}{Hint(words)}");
        }
    }

    private static async Task LfsAsync(Git git, CloneResponse clone, Action<string> say)
    {
        var (code, files) = await git.TryAsync("ls-files", "-z", "--", ":(attr:filter=lfs)");
        var count = code == 0 ? files.Count(c => c == '\0') : 0;
        if (!clone.Lfs)
        {
            if (count > 0)
            {
                say(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Left out: the content of {count} Git LFS {(count == 1 ? "file" : "files")}; the workspace has the pointers. 'clone: {{ lfs: true }}' in the pipeline file fetches it."
                    )
                );
            }

            return;
        }

        if ((await git.TryAsync("lfs", "version")).Code != 0)
        {
            throw new PrepareException(
                "The pipeline file asks for Git LFS, and git-lfs is not installed where the source is checked out: install it beside the runner, or in the runner's image (Kubernetes:RunnerImage)."
            );
        }

        await PullAsync(git, "lfs", "pull");
        if (clone.Submodules is "true" or "recursive")
        {
            string[] recursive = clone.Submodules == "recursive" ? ["--recursive"] : [];
            await PullAsync(git, ["submodule", "--quiet", "foreach", .. recursive, "git lfs pull"]);
        }
    }

    private static async Task PullAsync(Git git, params string[] arguments)
    {
        var (code, words) = await git.TryAsync(arguments);
        if (code != 0)
        {
            throw new PrepareException($"The Git LFS files can't be fetched: {words.Trim()}{Hint(words)}");
        }
    }

    private static string Describe(CloneResponse clone) =>
        (clone.Depth > 0 ? string.Create(CultureInfo.InvariantCulture, $"depth {clone.Depth}") : "whole history")
        + (clone.Tags ? ", all tags" : ", no tags")
        + (clone.Filter is { Length: > 0 } filter ? $", filter {filter}" : "");

    private static string Hint(string words) =>
        words.Contains("returned error: 30", StringComparison.Ordinal)
            ? " The host answers with a redirect, which is not followed: register the address at which the repository is now."
            : "";
}
