using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>Makes a job's workspace, once: whichever of its runners comes first, the others wait for it.</summary>
internal static class Workspace
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(50);

    /// <summary>Clones at the exact commit. Errors: <see cref="PrepareException"/> in git's words.</summary>
    public static async Task PrepareAsync(RunnerSettings settings, SourceAnswer? source, Action<string> say, TimeProvider time, CancellationToken cancellationToken)
    {
        var done = Path.Combine(settings.JobFolder, "prepared");
        if (File.Exists(done))
        {
            return;
        }

        if (settings.IsContainer)
        {
            throw new PrepareException($"The workspace {settings.Workspace} was not prepared: 'runner prepare' comes first.");
        }

        await using var alone = await LockAsync(Path.Combine(settings.JobFolder, "prepare.lock"), time, cancellationToken);
        if (File.Exists(done))
        {
            return;
        }

        // What a runner that died half-way left is begun anew.
        if (Directory.Exists(settings.Workspace))
        {
            Directory.Delete(settings.Workspace, recursive: true);
        }

        Directory.CreateDirectory(settings.Workspace);
        if (source is not null)
        {
            await CloneAsync(settings, source, say, time, cancellationToken);
        }

        await File.WriteAllTextAsync(done, "", cancellationToken);
    }

    private static async Task CloneAsync(RunnerSettings settings, SourceAnswer source, Action<string> say, TimeProvider time, CancellationToken cancellationToken)
    {
        var git = new Git(settings, source, time, cancellationToken);
        say($"Checking out {source.Commit} of {source.CloneUrl}");
        await git.RunAsync("init", "--quiet", ".");
        await git.RunAsync("remote", "add", "origin", source.CloneUrl);
        var (code, words) = await git.TryAsync("fetch", "--quiet", "--no-tags", "--depth", "1", "origin", source.Commit);
        if (code != 0)
        {
            // Some servers give only what a ref names.
            (code, var wider) = await git.TryAsync("fetch", "--quiet", "--no-tags", "origin", $"+{source.Ref}:refs/shipinator/head");
            if (code != 0)
            {
                throw new PrepareException($"The commit {source.Commit} of {source.CloneUrl} can't be fetched: {words.Trim()} {wider.Trim()}".Trim());
            }
        }

        await git.RunAsync("checkout", "--quiet", "--detach", source.Commit);
    }

    private static async Task<FileStream> LockAsync(string path, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(LockRetry, time, cancellationToken);
            }
        }
    }

    /// <summary>Runs git in the workspace; the credential reaches it by its environment and is written nowhere.</summary>
    private sealed class Git
    {
        private readonly Dictionary<string, string> _environment;
        private readonly string _folder;
        private readonly TimeProvider _time;
        private readonly CancellationToken _cancellation;

        public Git(RunnerSettings settings, SourceAnswer source, TimeProvider time, CancellationToken cancellationToken)
        {
            _cancellation = cancellationToken;
            _folder = settings.Workspace;
            _time = time;
            // Local repositories may belong to another user than the one that runs the server. Git looks for this consent
            // in the global file only, so the user's own is included from one of ours.
            var configuration = Path.Combine(settings.Control, "gitconfig");
            var home = Environment.GetEnvironmentVariable("HOME") ?? "/";
            File.WriteAllText(configuration, $"[include]\n\tpath = {Path.Combine(home, ".gitconfig")}\n[safe]\n\tdirectory = *\n");
            _environment = new(StringComparer.Ordinal)
            {
                ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
                ["HOME"] = home,
                ["LC_ALL"] = "C",
                ["GIT_TERMINAL_PROMPT"] = "0",
                ["GIT_CONFIG_GLOBAL"] = configuration,
                // A server that falls silent must not hold the job for ever.
                ["GIT_HTTP_LOW_SPEED_LIMIT"] = "1",
                ["GIT_HTTP_LOW_SPEED_TIME"] = "60",
                ["SHIPINATOR_EXECUTION_ID"] = settings.ExecutionId,
                ["SHIPINATOR_GIT_USERNAME"] = source.Username ?? "",
                ["SHIPINATOR_GIT_PASSWORD"] = source.Password ?? "",
            };
            foreach (var name in StepEnvironment.Proxies)
            {
                if (Environment.GetEnvironmentVariable(name) is { } proxy)
                {
                    _environment[name] = proxy;
                }
            }

            HasCredential = source.Password is not null;
        }

        private bool HasCredential { get; }

        public async Task RunAsync(params string[] arguments)
        {
            var (code, words) = await TryAsync(arguments);
            if (code != 0)
            {
                throw new PrepareException($"git {arguments[0]} ended with {code}: {words.Trim()}");
            }
        }

        public async Task<(int Code, string Words)> TryAsync(params string[] arguments)
        {
            string[] helper = HasCredential
                ? ["-c", "credential.helper=", "-c", "credential.helper=!f() { echo \"username=$SHIPINATOR_GIT_USERNAME\"; echo \"password=$SHIPINATOR_GIT_PASSWORD\"; }; f"]
                : [];
            var words = new StringBuilder();
            try
            {
                var child = ChildProcess.Start(["git", .. helper, "-c", "advice.detachedHead=false", .. arguments], _environment, _folder, bytes =>
                {
                    lock (words)
                    {
                        words.Append(Encoding.UTF8.GetString(bytes.Span));
                    }
                });
                await using var stop = _cancellation.Register(() => _ = child.StopAsync(StopGrace, _time));
                var code = await child.WaitAsync(_time);
                _cancellation.ThrowIfCancellationRequested();
                lock (words)
                {
                    return (code, words.ToString());
                }
            }
            catch (CommandNotStartedException e)
            {
                throw new PrepareException($"git is needed to check out the source: {e.Message}");
            }
        }
    }
}

/// <summary>The workspace could not be made ready: the executor's failure, not the command's.</summary>
internal sealed class PrepareException(string message) : Exception(message);
