using System.Diagnostics;
using System.Text.Json;

namespace Shipinator.EndToEnd.Tests;

/// <summary>
/// Real projects with our pipeline files, on a real server with the process executor. Their sources are downloaded by package name with apt
/// and npm into the user's cache folder.
/// </summary>
public sealed class SampleProjectTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task Lz4_DebianSource_SucceedsWithItsOutputs()
    {
        var jobs = await RunAsync("lz4", await SourcePackages.DebianAsync("lz4"));
        Assert.Equal(
            [
                "lib/liblz4.a",
                "lib/lz4.h",
                "lib/lz4file.h",
                "lib/lz4frame.h",
                "lib/lz4frame_static.h",
                "lib/lz4hc.h",
                "programs/lz4",
                "version.txt",
            ],
            Artifacts(jobs["build"])
        );
        Assert.Equal(
            ["1, blocks=dependent", "1, blocks=independent", "12, blocks=legacy", "9, blocks=independent"],
            jobs.Keys.Where(k => k.StartsWith("round trip", StringComparison.Ordinal))
                .Select(k => k[(k.IndexOf('=', StringComparison.Ordinal) + 1)..^1])
                .Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public async Task NodeSemver_NpmPackage_SucceedsWithItsOutputs()
    {
        var jobs = await RunAsync("node-semver", await SourcePackages.NpmAsync("semver", "7.6.3"));
        Assert.Equal(["out/semver-7.6.3.tgz", "package.json"], Artifacts(jobs["build"]));
        Assert.Equal(5, jobs.Keys.Count(k => k.StartsWith("ranges", StringComparison.Ordinal)));
    }

    private async Task<Dictionary<string, JsonElement>> RunAsync(string sample, string archive)
    {
        await Tools.RunAsync("tar", ["xf", archive, "-C", _bench.Repository, "--strip-components=1", "--no-same-owner"]);
        _bench.Commit(
            await File.ReadAllTextAsync(
                Path.Combine(Layout.Root, "tests", "EndToEnd.Tests", "Samples", sample, ".shipinator.yaml"),
                TestContext.Current.CancellationToken
            )
        );
        await using var server = await SiloProcess.StartAsync(_bench.Data, null, "--port", "0");
        var (url, token) = SiloProcess.Connection(_bench.Data);
        using var api = new Api(url, token);
        var run = await api.TriggerAsync(await api.RegisterAsync(_bench.Repository));
        var end = await api.WaitForEndAsync(run, Patience);
        var jobs = Api.Items(await api.GetAsync($"/v1/pipeline-runs/{run}/jobs")).ToDictionary(j => j.GetProperty("name").GetString()!);
        if (end.GetProperty("status").GetString() != "success")
        {
            var logs = new List<string>();
            foreach (
                var execution in jobs
                    .Values.SelectMany(j => j.GetProperty("steps").EnumerateArray())
                    .Where(s => s.GetProperty("status").GetString() == "failed")
                    .SelectMany(s => s.GetProperty("executions").EnumerateArray())
            )
            {
                logs.Add(await api.TextAsync($"/v1/executions/{execution.GetProperty("id").GetString()}/logs"));
            }

            Assert.Fail($"{end}\n{string.Join("\n---\n", logs)}");
        }

        Assert.All(jobs.Values, j => Assert.Equal("success", j.GetProperty("status").GetString()));
        Assert.True(
            jobs["summary"].GetProperty("started_at").GetDateTimeOffset()
                >= jobs.Where(j => j.Key != "summary").Max(j => j.Value.GetProperty("finished_at").GetDateTimeOffset())
        );
        return jobs;
    }

    private static IEnumerable<string> Artifacts(JsonElement job) =>
        job.GetProperty("steps")
            .EnumerateArray()
            .SelectMany(s => s.GetProperty("executions").EnumerateArray())
            .SelectMany(e => e.GetProperty("artifacts").EnumerateArray())
            .Select(a => a.GetProperty("file_name").GetString()!)
            .Order(StringComparer.Ordinal);
}

/// <summary>
/// Downloads sources of other projects by package name. A failed download fails the test with its reason.
/// </summary>
internal static class SourcePackages
{
    private const string Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

    private static string Cache { get; } =
        Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
                ? cache
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "shipinator-tests",
            "sources"
        );

    /// <summary>
    /// Downloads the upstream archive of a Debian source package, verified by apt. The machine's own sources and lists stay unchanged.
    /// </summary>
    public static Task<string> DebianAsync(string package) =>
        CachedAsync(
            $"{package}_*.orig.tar.*",
            async folder =>
            {
                var suite =
                    (await File.ReadAllLinesAsync("/etc/os-release"))
                        .FirstOrDefault(l => l.StartsWith("VERSION_CODENAME=", StringComparison.Ordinal))
                        ?.Split('=')[1]
                        .Trim('"')
                    ?? "stable";
                foreach (var part in new[] { "lists/partial", "cache/archives/partial", "got" })
                {
                    Directory.CreateDirectory(Path.Combine(folder, part));
                }

                await File.WriteAllTextAsync(
                    Path.Combine(folder, "sources.list"),
                    $"deb-src [signed-by={Keyring}] http://deb.debian.org/debian {suite} main\n"
                );
                string[] own =
                [
                    "-o",
                    $"Dir::Etc::sourcelist={folder}/sources.list",
                    "-o",
                    "Dir::Etc::sourceparts=-",
                    "-o",
                    $"Dir::State::lists={folder}/lists",
                    "-o",
                    $"Dir::Cache={folder}/cache",
                    "-o",
                    "APT::Sandbox::User=",
                    "-o",
                    "Acquire::Retries=3",
                ];
                await Tools.RunAsync("apt-get", [.. own, "-qq", "update"]);
                await Tools.RunAsync("apt-get", [.. own, "-qq", "source", "--download-only", package], Path.Combine(folder, "got"));
                return Directory
                    .GetFiles(Path.Combine(folder, "got"), $"{package}_*.orig.tar.*")
                    .Single(f => !f.EndsWith(".asc", StringComparison.Ordinal));
            }
        );

    /// <summary>Downloads the archive of an npm package, verified by npm.</summary>
    public static Task<string> NpmAsync(string package, string version) =>
        CachedAsync(
            $"{package}-{version}.tgz",
            async folder =>
            {
                await Tools.RunAsync("npm", ["pack", "--silent", $"{package}@{version}", "--pack-destination", folder], folder);
                return Path.Combine(folder, $"{package}-{version}.tgz");
            }
        );

    private static async Task<string> CachedAsync(string pattern, Func<string, Task<string>> fetch)
    {
        Directory.CreateDirectory(Cache);
        if (Directory.GetFiles(Cache, pattern) is [var known, ..])
        {
            return known;
        }

        var folder = Directory.CreateTempSubdirectory("ship-source-").FullName;
        try
        {
            var got = await fetch(folder);
            var kept = Path.Combine(Cache, Path.GetFileName(got));
            // Moved atomically: a parallel test finds a complete archive or none.
            File.Copy(got, kept + "." + Path.GetFileName(folder));
            File.Move(kept + "." + Path.GetFileName(folder), kept, overwrite: true);
            return kept;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

/// <summary>Runs programs of the machine.</summary>
internal static class Tools
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    /// <summary>Runs a program. Errors: <see cref="InvalidOperationException"/> with its output.</summary>
    public static async Task RunAsync(string program, string[] arguments, string? folder = null)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = folder ?? "",
            }
        )!;
        using var limit = new CancellationTokenSource(Patience);
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = await process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await output} {error}"
            );
        }
    }
}
