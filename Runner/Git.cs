using System.Text;

namespace Shipinator.Runner;

/// <summary>Runs git in the workspace.</summary>
internal sealed class Git(string folder, IReadOnlyDictionary<string, string> environment, TimeProvider time, CancellationToken cancellation)
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);

    /// <summary>Errors: <see cref="PrepareException"/> in git's words.</summary>
    public async Task RunAsync(params string[] arguments)
    {
        var (code, words) = await TryAsync(arguments);
        if (code != 0)
        {
            throw new PrepareException($"git {arguments[0]} ended with {code}: {words.Trim()}");
        }
    }

    /// <summary>The exit code, and all that it printed.</summary>
    public async Task<(int Code, string Words)> TryAsync(params string[] arguments)
    {
        var words = new StringBuilder();
        try
        {
            var child = ChildProcess.Start(
                ["git", .. arguments],
                environment,
                folder,
                bytes =>
                {
                    lock (words)
                    {
                        // File names need not be UTF-8; nobody takes them from here.
                        words.Append(Encoding.UTF8.GetString(bytes.Span));
                    }
                }
            );
            await using var stop = cancellation.Register(() => _ = child.StopAsync(StopGrace, time));
            var code = await child.WaitAsync(time);
            cancellation.ThrowIfCancellationRequested();
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
