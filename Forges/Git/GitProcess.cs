using System.Diagnostics;
using System.Text;

namespace Shipinator.Forges.Git;

/// <summary>How a <c>git</c> process ended.</summary>
internal enum GitEnd
{
    /// <summary>It exited.</summary>
    Exited,

    /// <summary>It made no progress for too long and was killed.</summary>
    Silent,

    /// <summary>It took too long in total and was killed.</summary>
    TooLong,
}

/// <summary>The result of a <c>git</c> process.</summary>
internal sealed record GitResult(GitEnd End, int Code, string Output, string Error);

/// <summary>
/// Runs the <c>git</c> program as a process that is killed with all its children when it makes no progress, takes too long or is canceled,
/// which a library that blocks in this process can't guarantee.
/// </summary>
internal sealed class GitProcess(TimeSpan idle, TimeSpan total, TimeProvider time)
{
    private const int KeptChars = 1024 * 1024;
    private static readonly TimeSpan OutputTimeout = TimeSpan.FromSeconds(10);

    /// <summary>What git inherits from the server's environment: the locations of programs, certificates and proxies.</summary>
    private static readonly string[] Inherited =
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

    /// <summary>Errors: <see cref="OperationCanceledException"/>, <see cref="ForgeException"/> when <c>git</c> can't be started.</summary>
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
            await output.WaitAsync(OutputTimeout, time, cancellationToken),
            await error.WaitAsync(OutputTimeout, time, cancellationToken)
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
        // A clean environment: no settings of the user, no secrets of the server.
        var inherited = Inherited
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
                $"The server can't start 'git', which it needs to fetch repositories: {e.Message}. "
                    + "Install Git 2.37 or later on the server.",
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
            // It has just exited.
        }

        await process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>Reads all output as a sign of progress, and keeps its end as text.</summary>
    private static async Task<string> ReadAsync(StreamReader reader, Action onProgress)
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        int read;
        while ((read = await reader.ReadAsync(buffer)) > 0)
        {
            try
            {
                onProgress();
            }
            catch (ObjectDisposedException)
            {
                // The process has exited; this is the rest of its output.
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
