using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>The static program (<c>Runner/publish-static.sh</c>) in a root folder without a C library or .NET, only with busybox.</summary>
public sealed class StaticRunnerTests : RunnerTest
{
    [Fact]
    public async Task BareRoot_ScriptWithChildren_RunsAndReports()
    {
        Prepare();
        var report = await RunAsync(
            "sleep 0.1 & wait; i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo line $i | cat; done; pwd; exit 7",
            Server.Url
        );
        Assert.Equal(("failed", (int?)7, "exit_code"), (report.Status, report.ExitCode, report.Reason));
        Assert.StartsWith("line 1\nline 2\nline 3\n/job/workspace\n", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BareRoot_ServerNameInTheHostsFile_IsResolved()
    {
        Prepare();
        Write("etc/hosts", "127.0.0.1 shipinator.hosts.test\n");
        Assert.Equal("success", (await RunAsync("echo found", new($"http://shipinator.hosts.test:{Server.Url.Port}"))).Status);
    }

    [Fact]
    public async Task BareRoot_ServerNameOfANameServer_IsResolved()
    {
        Prepare();
        using var names = new UdpClient(AddressFamily.InterNetwork);
        try
        {
            names.Client.Bind(new IPEndPoint(IPAddress.Parse("127.53.7.1"), 53));
        }
        catch (SocketException e)
        {
            Assert.Skip($"No name server can be started on port 53: {e.Message}");
        }

        var serving = ServeNamesAsync(names);
        Write("etc/resolv.conf", "nameserver 127.53.7.1\noptions timeout:2\n");
        Assert.Equal("success", (await RunAsync("echo found", new($"http://shipinator.dns.test:{Server.Url.Port}"))).Status);
        names.Close();
        await serving;
    }

    private static string Program => Path.Combine(FakeServer.Repository, "artifacts", "runner-static", "runner");

    private void Prepare()
    {
        const string busybox = "/bin/busybox";
        Assert.SkipUnless(
            File.Exists(Program),
            "There is no artifacts/runner-static/runner: run Runner/publish-static.sh first (test.sh does)."
        );
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can change the root folder.");
        Assert.SkipUnless(File.Exists(busybox), "There is no /bin/busybox: install busybox-static.");
        foreach (var folder in new[] { "bin", "dev", "etc", "job", "tmp" })
        {
            Directory.CreateDirectory(Path.Combine(Root, folder));
        }

        File.Copy(busybox, Path.Combine(Root, "bin", "busybox"));
        foreach (var applet in new[] { "sh", "cat", "sleep" })
        {
            File.CreateSymbolicLink(Path.Combine(Root, "bin", applet), "busybox");
        }

        // The devices that every container has, as files with the same content: creating real ones needs a capability.
        Write("dev/null", "");
        File.WriteAllBytes(Path.Combine(Root, "dev", "urandom"), System.Security.Cryptography.RandomNumberGenerator.GetBytes(64 * 1024));
        File.Copy(Program, Path.Combine(Root, "runner"));
    }

    private void Write(string path, string text) => File.WriteAllText(Path.Combine(Root, path), text);

    private async Task<StatusReport> RunAsync(string script, Uri server)
    {
        Server.Work[ExecutionId] = Work(script);
        var start = new ProcessStartInfo("chroot", [Root, "/runner", "work"]) { RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin";
        SetEnvironment(start, server, ExecutionId, "/job");
        using var runner = Process.Start(start)!;
        var errors = runner.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(WaitLimit);
        try
        {
            await runner.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            runner.Kill(entireProcessTree: true);
            throw new TimeoutException($"The static runner did not exit: {await errors}");
        }

        Assert.True(Server.Reported.Task.IsCompleted, $"It exited with {runner.ExitCode} without a report: {await errors}");
        return await Server.Reported.Task;
    }

    /// <summary>A name server with one name: 127.0.0.1 for every A query of it, nothing for all others.</summary>
    private static async Task ServeNamesAsync(UdpClient names)
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
                byte[] response = isAddress && ours ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1] : [];
                byte[] head = [asked[0], asked[1], 0x81, 0x80, 0, 1, 0, (byte)(response.Length > 0 ? 1 : 0), 0, 0, 0, 0];
                await names.SendAsync((byte[])[.. head, .. asked.AsSpan(12, end + 5 - 12), .. response], question.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test ended.
        }
    }
}
