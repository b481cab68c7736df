using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>The static program (<c>Runner/publish-static.sh</c>) where there is nothing: no C library, no .NET, only busybox.</summary>
public sealed class StaticRunnerTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly string _root = Directory.CreateTempSubdirectory("ship-bare-").FullName;
    private readonly string _id = Guid.CreateVersion7().ToString();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await FakeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task BareRoot_ScriptWithChildren_RunsAndReports()
    {
        Prepare();
        var report = await RunAsync(
            "sleep 0.1 & wait; i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo line $i | cat; done; pwd; exit 7",
            _server.Url
        );
        Assert.Equal(("failed", (int?)7, "exit_code"), (report.Status, report.ExitCode, report.Reason));
        Assert.StartsWith("line 1\nline 2\nline 3\n/job/workspace\n", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BareRoot_ServerByNameOfTheHostsFile_IsFound()
    {
        Prepare();
        Write("etc/hosts", "127.0.0.1 shipinator.hosts.test\n");
        Assert.Equal("success", (await RunAsync("echo found", new($"http://shipinator.hosts.test:{_server.Url.Port}"))).Status);
    }

    [Fact]
    public async Task BareRoot_ServerByNameOfTheNameServer_IsFound()
    {
        Prepare();
        using var names = new UdpClient(AddressFamily.InterNetwork);
        try
        {
            names.Client.Bind(new IPEndPoint(IPAddress.Parse("127.53.7.1"), 53));
        }
        catch (SocketException e)
        {
            Assert.Skip($"No name server can be put up on port 53: {e.Message}");
        }

        var answering = AnswerNamesAsync(names);
        Write("etc/resolv.conf", "nameserver 127.53.7.1\noptions timeout:2\n");
        Assert.Equal("success", (await RunAsync("echo found", new($"http://shipinator.dns.test:{_server.Url.Port}"))).Status);
        names.Close();
        await answering;
    }

    private static string Program => Path.Combine(FakeServer.Repository, "artifacts", "runner-static", "runner");

    private void Prepare()
    {
        const string busybox = "/bin/busybox";
        Assert.SkipUnless(
            File.Exists(Program),
            "There is no artifacts/runner-static/runner: run Runner/publish-static.sh first (test.sh does)."
        );
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root may change the root folder.");
        Assert.SkipUnless(File.Exists(busybox), "There is no /bin/busybox: install busybox-static.");
        foreach (var folder in new[] { "bin", "dev", "etc", "job", "tmp" })
        {
            Directory.CreateDirectory(Path.Combine(_root, folder));
        }

        File.Copy(busybox, Path.Combine(_root, "bin", "busybox"));
        foreach (var applet in new[] { "sh", "cat", "sleep" })
        {
            File.CreateSymbolicLink(Path.Combine(_root, "bin", applet), "busybox");
        }

        // The devices that every container has, as files that read the same: making real ones needs a right of its own.
        Write("dev/null", "");
        File.WriteAllBytes(Path.Combine(_root, "dev", "urandom"), System.Security.Cryptography.RandomNumberGenerator.GetBytes(64 * 1024));
        File.Copy(Program, Path.Combine(_root, "runner"));
    }

    private void Write(string path, string text) => File.WriteAllText(Path.Combine(_root, path), text);

    private async Task<StatusReport> RunAsync(string script, Uri server)
    {
        _server.Work[_id] = new()
        {
            ExecutionId = _id,
            StepName = "step",
            JobId = "j",
            JobAttempt = 1,
            Script = script,
            Env = new Dictionary<string, string>(),
            Secrets = new Dictionary<string, string>(),
            TimeoutSeconds = 60,
            GraceSeconds = 5,
            Inputs = [],
            Outputs = [],
        };
        var start = new ProcessStartInfo("chroot", [_root, "/runner", "work"]) { RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        start.Environment["SHIPINATOR_URL"] = server.ToString();
        start.Environment["SHIPINATOR_EXECUTION_ID"] = _id;
        start.Environment["SHIPINATOR_TOKEN"] = "shx_test-token-of-this-execution";
        start.Environment["SHIPINATOR_JOB_DIR"] = "/job";
        using var runner = Process.Start(start)!;
        var words = runner.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await runner.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            runner.Kill(entireProcessTree: true);
            throw new TimeoutException($"The static runner did not end: {await words}");
        }

        Assert.True(_server.Reported.Task.IsCompleted, $"It ended with {runner.ExitCode} and reported nothing: {await words}");
        return await _server.Reported.Task;
    }

    /// <summary>A name server that knows one name: every A question is answered with 127.0.0.1, every other with nothing.</summary>
    private static async Task AnswerNamesAsync(UdpClient names)
    {
        try
        {
            while (true)
            {
                var question = await names.ReceiveAsync();
                var asked = question.Buffer;
                var end = 12;
                while (asked[end] != 0)
                {
                    end += asked[end] + 1;
                }

                var isAddress = asked[end + 2] == 1;
                var ours = Encoding.ASCII.GetString(asked, 12, end - 12).Contains("shipinator", StringComparison.Ordinal);
                byte[] answer = isAddress && ours ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1] : [];
                byte[] head = [asked[0], asked[1], 0x81, 0x80, 0, 1, 0, (byte)(answer.Length > 0 ? 1 : 0), 0, 0, 0, 0];
                await names.SendAsync((byte[])[.. head, .. asked.AsSpan(12, end + 5 - 12), .. answer], question.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
