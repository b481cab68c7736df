using System.Globalization;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Checks a commit out into the empty workspace: with the requested depth, tags, submodules and LFS files.</summary>
internal static class Checkout
{
    /// <summary>Errors: <see cref="PrepareException"/>.</summary>
    public static async Task RunAsync(
        RunnerSettings settings,
        SourceResponse source,
        Action<string> log,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        // The source may be a copy of the server; messages show the repository's address.
        var address = settings.SourceFolder ?? source.CloneUrl;
        var clone = source.CloneOptions ?? new();
        var git = new Git(settings, GitSettings.Write(settings, source with { CloneUrl = address }), time, cancellationToken);
        log($"Checking out {source.Commit} of {Display(source.CloneUrl)} ({Describe(clone)})");
        if (clone.Lfs && (await git.TryAsync("lfs", "version")).Code != 0)
        {
            throw new PrepareException(
                "The pipeline file asks for Git LFS (clone: { lfs: true }), but git-lfs is not installed where the source is "
                    + "checked out. Install it beside the runner, or in the runner's image (Shipinator:Kubernetes:RunnerImage)."
            );
        }

        await git.RunAsync("init", "--quiet", ".");
        await git.RunAsync("remote", "add", "origin", address);
        await FetchAsync(git, source, address, clone);
        await git.RunAsync("checkout", "--quiet", "--detach", source.Commit);
        await UpdateSubmodulesAsync(git, settings.Workspace, clone, log);
        await PullLfsAsync(git, clone, settings.SourceFolder is not null, log);
    }

    /// <summary>A clone URL as logs and errors show it: without the credential that it may contain.</summary>
    public static string Display(string cloneUrl) =>
        Uri.TryCreate(cloneUrl, UriKind.Absolute, out var url) && url.UserInfo.Length > 0
            ? url.GetComponents(UriComponents.AbsoluteUri & ~UriComponents.UserInfo, UriFormat.UriEscaped)
            : cloneUrl;

    private static async Task FetchAsync(Git git, SourceResponse source, string address, CloneResponse clone)
    {
        var host = Uri.TryCreate(address, UriKind.Absolute, out var url) && !url.IsFile ? url.Authority : null;
        string[] filter = clone.Filter is { Length: > 0 } wanted ? ["--filter=" + wanted] : [];
        var tags = clone.Tags ? "--tags" : "--no-tags";
        var (code, output) = await git.TryAsync(host, ["fetch", "--quiet", tags, .. Depth(clone), .. filter, "origin", source.Commit]);
        if (code == 0)
        {
            return;
        }

        // Some servers allow fetching only commits that a ref points to. The ref is a full one, so that a tag is never taken for a branch
        // of the same name.
        var byRef = "";
        if (source.Ref.StartsWith("refs/", StringComparison.Ordinal))
        {
            var refspec = $"+{source.Ref}:refs/shipinator/head";
            (code, byRef) = await git.TryAsync(host, ["fetch", "--quiet", tags, .. filter, "origin", refspec]);
        }

        if (code != 0)
        {
            var shown = Display(source.CloneUrl);
            var detail = $"{output.Trim()} {byRef.Trim()}".Trim().Replace(address, shown, StringComparison.Ordinal);
            throw new PrepareException($"The commit {source.Commit} of {shown} can't be fetched: {detail}{Hint(detail)}");
        }
    }

    private static async Task UpdateSubmodulesAsync(Git git, string workspace, CloneResponse clone, Action<string> log)
    {
        if (!File.Exists(Path.Combine(workspace, ".gitmodules")))
        {
            return;
        }

        if (clone.Submodules is not ("true" or "recursive"))
        {
            log("Not fetched: the submodules in .gitmodules. To fetch them, set 'clone: { submodules: true }' in the pipeline file.");
            return;
        }

        string[] update = ["submodule", "--quiet", "update", "--init", .. Recursive(clone)];
        var (code, output) = await git.TryAsync([.. update, .. Depth(clone)]);
        if (code != 0 && clone.Depth > 0)
        {
            // Some servers allow fetching only commits that a ref points to.
            (code, output) = await git.TryAsync(update);
        }

        if (code != 0)
        {
            throw new PrepareException($"The submodules can't be fetched: {output.Trim()}{Hint(output)}");
        }
    }

    private static async Task PullLfsAsync(Git git, CloneResponse clone, bool isCopy, Action<string> log)
    {
        if (!clone.Lfs)
        {
            var (code, files) = await git.TryAsync("ls-files", "-z", "--", ":(attr:filter=lfs)");
            var count = code == 0 ? files.Count(c => c == '\0') : 0;
            if (count > 0)
            {
                log(
                    string.Create(CultureInfo.InvariantCulture, $"Not fetched: the content of {count} Git LFS ")
                        + (count == 1 ? "file" : "files")
                        + "; the workspace has pointer files. To fetch it, set 'clone: { lfs: true }' in the pipeline file."
                );
            }

            return;
        }

        await PullAsync(git, isCopy, "lfs", "pull");
        if (clone.Submodules is "true" or "recursive")
        {
            await PullAsync(git, isCopy, ["submodule", "--quiet", "foreach", .. Recursive(clone), "git lfs pull"]);
        }
    }

    private static async Task PullAsync(Git git, bool isCopy, params string[] arguments)
    {
        var (code, output) = await git.TryAsync(arguments);
        if (code != 0)
        {
            var hint = isCopy
                ? " The server's copy of a local repository has no LFS objects: register the repository by an http or https URL."
                : Hint(output);
            throw new PrepareException($"The Git LFS files can't be fetched: {output.Trim()}{hint}");
        }
    }

    private static string[] Depth(CloneResponse clone) =>
        clone.Depth > 0 ? ["--depth", clone.Depth.ToString(CultureInfo.InvariantCulture)] : [];

    private static string[] Recursive(CloneResponse clone) => clone.Submodules == "recursive" ? ["--recursive"] : [];

    private static string Describe(CloneResponse clone) =>
        (clone.Depth > 0 ? string.Create(CultureInfo.InvariantCulture, $"depth {clone.Depth}") : "full history")
        + (clone.Tags ? ", all tags" : ", no tags")
        + (clone.Filter is { Length: > 0 } filter ? $", filter {filter}" : "");

    private static string Hint(string output) =>
        output.Contains("returned error: 30", StringComparison.Ordinal)
            ? " The host responded with a redirect, which is not followed: register the repository's current address."
            : "";
}
