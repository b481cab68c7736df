using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The first container's script, run by a shell that finds only what an image of some kind would hold.</summary>
public sealed class FindRunnerTests : IAsyncLifetime
{
    private static readonly string[] Usual = ["cp", "chmod", "mv", "rm"];
    private readonly string _root = Directory.CreateTempSubdirectory("ship-find-").FullName;
    private WebApplication _server = null!;
    private bool _hasRunner = true;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.MapGet("/v1/runner", () => _hasRunner ? Results.Text("#!/bin/sh\necho \"downloaded $1\"\n") : Results.NotFound());
        await _server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Theory]
    [InlineData("wget")]
    [InlineData("curl")]
    [InlineData("perl")]
    [InlineData("python3")]
    public async Task Script_WithAnySupportedTool_DownloadsTheRunner(string tool)
    {
        Link(tool);
        Assert.Equal((0, "downloaded prepare\n"), await RunAsync());
    }

    [Fact]
    public async Task Script_FirstToolFails_TriesTheNext()
    {
        Program("wget", "exit 4");
        Link("python3");
        Assert.Equal((0, "downloaded prepare\n"), await RunAsync());
    }

    [Fact]
    public async Task Script_InAnImageWithTheRunner_DownloadsNothing()
    {
        Program("shipinator-runner", "echo \"own $1\"");
        Assert.Equal((0, "own prepare\n"), await RunAsync());
    }

    [Fact]
    public async Task Script_WithoutAnyTool_NamesWhatIsMissing()
    {
        var (code, words) = await RunAsync();
        Assert.Equal(1, code);
        Assert.Contains("nor one of wget, curl, perl and python3", words, StringComparison.Ordinal);
        Assert.Equal(words, await File.ReadAllTextAsync(Path.Combine(_root, "termination-log")));
    }

    [Fact]
    public async Task Script_ServerWithoutARunner_NamesTheSettings()
    {
        _hasRunner = false;
        Link("python3");
        var (code, words) = await RunAsync();
        Assert.Equal(1, code);
        Assert.Contains("/v1/runner (tried: python3)", words, StringComparison.Ordinal);
        Assert.Contains("Shipinator:StaticRunnerPath", words, StringComparison.Ordinal);
    }

    /// <summary>
    /// As process 1 of a container a shell hears no signal that it has no trap for, and none before its program has ended.
    /// </summary>
    [Fact]
    public async Task Script_StoppedDuringADownload_ExitsAtOnce()
    {
        var asked = Path.Combine(_root, "asked");
        Program("wget", $"echo > {asked}; exec /bin/sleep 1000");
        var (code, _) = await RunAsync(async process =>
        {
            while (!File.Exists(asked))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            }

            using var kill = System.Diagnostics.Process.Start(
                "kill",
                ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]
            );
        });
        Assert.Equal(143, code);
    }

    private async Task<(int Code, string Output)> RunAsync(Func<System.Diagnostics.Process, Task>? meanwhile = null)
    {
        Usual.ToList().ForEach(Link);
        var manifest = WorkerManifest.Create(Given.Worker(), Given.Options, new(_server.Urls.Single()));
        var first = manifest.Spec.Template.Spec.InitContainers[0];
        var start = new ProcessStartInfo(first.Command[0], first.Command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = Path.Combine(_root, "bin");
        foreach (var variable in first.Env)
        {
            start.Environment[variable.Name] = variable.Value;
        }

        start.Environment["SHIPINATOR_RUNNER_TARGET"] = Path.Combine(_root, "runner");
        start.Environment["SHIPINATOR_TERMINATION_LOG"] = Path.Combine(_root, "termination-log");
        using var process = System.Diagnostics.Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        await (meanwhile?.Invoke(process) ?? Task.CompletedTask);
        await process.WaitForExitAsync();
        return (process.ExitCode, (await output).Replace($"{_server.Urls.Single()}", "", StringComparison.Ordinal));
    }

    private void Link(string tool)
    {
        // The system's own first: what stands before it in a person's path may need more than itself.
        var found = Environment
            .GetEnvironmentVariable("PATH")!
            .Split(':')
            .Prepend("/bin")
            .Prepend("/usr/bin")
            .Select(p => Path.Combine(p, tool))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(found is null, $"This machine has no {tool}.");
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        File.CreateSymbolicLink(Path.Combine(_root, "bin", tool), found);
    }

    private void Program(string name, string script)
    {
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        var file = Path.Combine(_root, "bin", name);
        File.WriteAllText(file, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(file, (UnixFileMode)0b111_101_101);
    }
}
