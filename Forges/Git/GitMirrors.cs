using System.Collections.Concurrent;
using LibGit2Sharp;
using LibGit2Sharp.Handlers;

namespace Shipinator.Forges.Git;

/// <summary>Gives access to a repository: in place, or through a bare mirror in the cache folder, one user at a time.</summary>
internal sealed class GitMirrors(string root, IGitCredentials credentials)
{
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _locks = new(StringComparer.Ordinal);

    /// <summary>Opens (and with <paramref name="fresh"/> fetches) the repository. LibGit2 blocks, so it has a thread to block.</summary>
    public async Task<T> UseAsync<T>(ForgeRepository repository, bool fresh, Func<Repository, T> use, CancellationToken cancellationToken)
    {
        if (LocalPath(repository.CloneUrl) is { } path)
        {
            return await Task.Run(() => UseLocal(path, use), cancellationToken);
        }

        if (!Uri.TryCreate(repository.CloneUrl, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new ForgeException(ForgeException.Unreachable, $"'{repository.CloneUrl}' can't be read: expected an absolute path, or a file, http or https URL.");
        }

        var credential = await credentials.Find(repository.CloneUrl, cancellationToken);
        var gate = _locks.GetOrAdd(repository.Id.ToString(), _ => new(1, 1));
        await gate.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => UseMirror(repository, credential, fresh, use), cancellationToken);
        }
        finally
        {
            gate.Release();
        }
    }

    private static T UseLocal<T>(string path, Func<Repository, T> use)
    {
        try
        {
            using var git = new Repository(path);
            return use(git);
        }
        catch (RepositoryNotFoundException e)
        {
            throw new ForgeException(ForgeException.Unreachable, $"There is no Git repository at {path}.", e);
        }
        catch (LibGit2SharpException e)
        {
            throw new ForgeException(ForgeException.Unreachable, $"The Git repository at {path} can't be read: {e.Message}", e);
        }
    }

    private T UseMirror<T>(ForgeRepository repository, GitCredential? credential, bool fresh, Func<Repository, T> use)
    {
        var folder = Path.Combine(root, repository.Id + ".git");
        try
        {
            if (!Repository.IsValid(folder))
            {
                Create(folder, repository.CloneUrl);
                fresh = true;
            }

            using var git = new Repository(folder);
            if (fresh)
            {
                Fetch(git, repository.CloneUrl, credential);
            }

            return use(git);
        }
        catch (LibGit2SharpException e)
        {
            // A broken mirror is only a cache: the next use makes it anew.
            if (!Repository.IsValid(folder) && Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }

            throw new ForgeException(ForgeException.Unreachable, $"{repository.CloneUrl} can't be reached: {e.Message}", e);
        }
    }

    private static void Create(string folder, string url)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder);
        Repository.Init(folder, isBare: true);
        using var git = new Repository(folder);
        git.Network.Remotes.Add("origin", url, "+refs/*:refs/*");
    }

    private static void Fetch(Repository git, string url, GitCredential? credential)
    {
        if (git.Network.Remotes["origin"].Url != url)
        {
            git.Network.Remotes.Update("origin", r => r.Url = url);
        }

        CredentialsHandler? handler = credential is null ? null : (_, _, _) => new UsernamePasswordCredentials { Username = credential.Username, Password = credential.Password };
        Commands.Fetch(git, "origin", ["+refs/*:refs/*"], new FetchOptions { Prune = true, TagFetchMode = TagFetchMode.None, CredentialsProvider = handler }, null);
    }

    private static string? LocalPath(string cloneUrl) =>
        Path.IsPathFullyQualified(cloneUrl) ? cloneUrl
        : Uri.TryCreate(cloneUrl, UriKind.Absolute, out var url) && url.IsFile ? url.LocalPath
        : null;
}
