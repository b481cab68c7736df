using System.Diagnostics;
using System.Globalization;

namespace Shipinator.EndToEnd.Tests;

/// <summary>What other users of the machine can read of a standalone server.</summary>
public sealed class PrivacyTests : IDisposable
{
    private const string Nobody = "65534";
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task Environment_OfTheServer_IsUnreadableForItsOwnUser()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root may start a server as another user.");
        Assert.Equal(0, (await RunAsync("chown", Nobody, _bench.Data)).Code);
        await using var server = await SiloProcess.StartAsAsync(
            Nobody,
            _bench.Data,
            new Dictionary<string, string>
            {
                ["SHIPINATOR__Secrets__EXAMPLE"] = "example-secret",
                ["HOME"] = _bench.Root,
                // This user can't read the dashboard's files in the checkout.
                ["ASPNETCORE_STATICWEBASSETS"] = "/nowhere",
            },
            "--port",
            "0"
        );

        // Like a step of the process executor that runs as the server's user.
        var id = server.Id.ToString(CultureInfo.InvariantCulture);
        Assert.NotEqual(0, (await RunAsAsync("cat", $"/proc/{id}/environ")).Code);
        Assert.NotEqual(0, (await RunAsAsync("ls", $"/proc/{id}/fd/")).Code);
        // The check itself works: root can read it, and the user can read an ordinary process.
        Assert.Contains("example-secret", (await RunAsync("cat", $"/proc/{id}/environ")).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsAsync("cat", "/proc/self/environ")).Code);
    }

    [Fact]
    public async Task DataFolder_IsUnreadableForOtherUsers()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root may run commands as another user.");
        await using var server = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0");
        foreach (
            var part in new[]
            {
                "",
                "artifacts",
                "logs",
                "git",
                "postgres",
                "postgres/data",
                "server.json",
                "postgres/server.json",
                "postgres/server.log",
            }
        )
        {
            var path = Path.Combine(_bench.Data, part);
            Assert.True(Path.Exists(path), path);
            Assert.NotEqual(0, (await RunAsAsync("sh", "-c", $"ls '{path}' && cat '{path}'")).Code);
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_bench.Data));
    }

    private static Task<(int Code, string Output)> RunAsAsync(string program, params string[] arguments) =>
        RunAsync("setpriv", [$"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--", program, .. arguments]);

    private static async Task<(int Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }
}
