using System.Diagnostics;
using System.Text;

namespace Shipinator.Forges.Git;

/// <summary>How a <c>git</c> process ended.</summary>
internal enum GitEnd
{
    /// <summary>By itself.</summary>
    Exited,

    /// <summary>It showed no progress for too long and was killed.</summary>
    Silent,

    /// <summary>It took too long in all and was killed.</summary>
    TooLong,
}

/// <summary>What a <c>git</c> process left.</summary>
internal sealed record GitResult(GitEnd End, int Code, string Output, string Error);

/// <summary>
/// Runs the <c>git</c> program as a process that is killed with all its children when it is silent, takes too long or is not wanted any more:
/// what a library that blocks in this process can't promise.
/// </summary>
internal sealed class GitProcess(TimeSpan idle, TimeSpan total, TimeProvider time)
{
    private const int KeptChars = 1024 * 1024;
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(10);

    /// <summary>What Git may take from the server's environment: where programs, certificates and proxies are.</summary>
    private static readonly string[] Passed =
    [
        "PATH",
        "LD_LIBRARY_PATH",
        "TMPDIR",
        "TZ",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_EXEC_PATH",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ];

    /// <summary>Errors: <see cref="OperationCanceledException"/>, <see cref="ForgeException"/> when there is no <c>git</c>.</summary>
    public async Task<GitResult> RunAsync(
        string folder,
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string> environment,
        CancellationToken cancellationToken
    )
    {
        using var process = Start(folder, arguments, environment);
        using var silent = new CancellationTokenSource(idle, time);
        using var tooLong = new CancellationTokenSource(total, time);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(silent.Token, tooLong.Token, cancellationToken);
        var output = ReadAsync(process.StandardOutput, () => silent.CancelAfter(idle));
        var error = ReadAsync(process.StandardError, () => silent.CancelAfter(idle));
        try
        {
            await process.WaitForExitAsync(any.Token);
        }
        catch (OperationCanceledException)
        {
            var end = tooLong.IsCancellationRequested ? GitEnd.TooLong : GitEnd.Silent;
            await KillAsync(process);
            cancellationToken.ThrowIfCancellationRequested();
            return new(end, -1, "", "");
        }

        return new(
            GitEnd.Exited,
            process.ExitCode,
            await output.WaitAsync(LastWords, time, cancellationToken),
            await error.WaitAsync(LastWords, time, cancellationToken)
        );
    }

    private static Process Start(string folder, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("git", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        // A clean list: no setting of the user's, no secret of the server's.
        var inherited = Passed
            .Select(n => (Name: n, Value: Environment.GetEnvironmentVariable(n)))
            .Where(v => v.Value is not null)
            .ToList();
        start.Environment.Clear();
        foreach (var (name, value) in inherited)
        {
            start.Environment[name] = value;
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        try
        {
            var process = Process.Start(start)!;
            process.StandardInput.Close();
            return process;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ForgeException(
                ForgeException.Unreachable,
                $"The server can't start 'git', which it needs to fetch repositories: {e.Message}. Install Git 2.37 or later beside the server.",
                e
            );
        }
    }

    private static async Task KillAsync(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended in this moment.
        }

        await process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>All of it as a sign of life, the end of it as text.</summary>
    private static async Task<string> ReadAsync(StreamReader reader, Action alive)
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        int read;
        while ((read = await reader.ReadAsync(buffer)) > 0)
        {
            try
            {
                alive();
            }
            catch (ObjectDisposedException)
            {
                // The process is over; these are its last words.
            }

            text.Append(buffer, 0, read);
            if (text.Length > KeptChars)
            {
                text.Remove(0, text.Length - KeptChars / 2);
            }
        }

        return text.ToString();
    }
}
