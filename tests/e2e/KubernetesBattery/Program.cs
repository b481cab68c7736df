using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using Shipinator.KubernetesBattery;

Settings settings;
try
{
    settings = Settings.Read(args);
}
catch (ArgumentException e)
{
    await Console.Error.WriteLineAsync($"battery: {e.Message}");
    return 2;
}

using var stop = new CancellationTokenSource();
Until.Stopping = stop.Token;
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var folder = Directory.CreateTempSubdirectory("shipinator-e2e-").FullName;
File.SetUnixFileMode(folder, Database.Passable);
var cluster = new Cluster(settings.Kubeconfig);
var results = new ConcurrentDictionary<Case, CaseResult>();
var cases = Battery.Cases.Where(c => settings.Only is null || c.Name.Contains(settings.Only, StringComparison.OrdinalIgnoreCase)).ToList();
try
{
    Say($"Namespace {cluster.Namespace}, folder {folder}");
    await cluster.CreateNamespaceAsync(settings.Restricted);
    if (settings.DockerConfig is { } config)
    {
        await Setup.PullSecretAsync(cluster, config);
    }

    Say("Pulling the images");
    await Setup.PullAsync(cluster, settings);
    if (settings.CacheClass is { } storageClass)
    {
        await Setup.CacheClaimAsync(cluster, storageClass);
    }

    await using var git = await GitServer.StartAsync(Path.Combine(folder, "git"), settings.GitUrl);
    await git.CreateAsync("battery", "build: { steps: [ { name: none, run: \"true\" } ] }\n");
    Say("Checking access from a pod");
    await Probe.GitAsync(cluster, settings, git);
    Say("Starting Shipinator");
    await using var server = await Server.StartAsync(settings, cluster, folder);
    await Probe.ServerAsync(cluster, settings);
    var pipeline = await Setup.RegisterAsync(server.Api, "e2e", git.CloneUrl("battery"));

    await Parallel.ForEachAsync(
        cases.Where(c => !c.Alone),
        new ParallelOptions { MaxDegreeOfParallelism = settings.Parallel },
        async (one, _) => await RunAsync(one, server, git, pipeline)
    );
    foreach (var one in cases.Where(c => c.Alone))
    {
        await RunAsync(one, server, git, pipeline);
    }
}
catch (Exception e)
{
    // Any failure: clean up what was created.
    await Console.Error.WriteLineAsync($"battery: {Words(e)}");
    return 2;
}
finally
{
    if (settings.Keep)
    {
        Say($"Kept: namespace {cluster.Namespace}, folder {folder}");
    }
    else
    {
        if (cluster.IsMade)
        {
            Say("Cleaning up");
            try
            {
                await cluster.DeleteNamespaceAsync();
            }
            catch (BatteryException e)
            {
                await Console.Error.WriteLineAsync($"battery: namespace {cluster.Namespace} could not be deleted: {e.Message}");
            }
        }

        try
        {
            DeleteFolder();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"battery: {folder} could not be deleted: {e.Message}");
        }
    }
}

return Table();

void DeleteFolder()
{
    Database.DeleteElsewhere(folder);
    foreach (var part in Directory.GetDirectories(folder))
    {
        Directory.Delete(part, recursive: true);
    }

    var log = Path.Combine(folder, "server.log");
    if (File.Exists(log) && (results.Count < cases.Count || results.Values.Any(r => !r.IsAsExpected)))
    {
        Say($"The server's log: {log}");
    }
    else
    {
        Directory.Delete(folder, recursive: true);
    }
}

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.Cancel();
}

async Task RunAsync(Case one, Server server, GitServer git, string pipeline)
{
    var start = TimeProvider.System.GetTimestamp();
    var context = new CaseContext(
        settings,
        cluster,
        server,
        git,
        pipeline,
        one.Name.Replace(' ', '-').Replace(",", "", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal)
    );
    string found;
    if (stop.IsCancellationRequested)
    {
        return;
    }

    try
    {
        found = await one.Find(context);
    }
    catch (Exception e)
    {
        // Any failure belongs to this case: the others continue, and the table is printed.
        found = Words(e).ReplaceLineEndings(" ");
    }

    var result = new CaseResult(one, found, context.Note.ReplaceLineEndings(" "), TimeProvider.System.GetElapsedTime(start));
    results[one] = result;
    Say($"{Word(result)} {one.Name}: {found}");
}

int Table()
{
    string[] head = ["", "case", "expected", "actual", "s", "detail"];
    var rows = cases
        .Where(results.ContainsKey)
        .Select(c => results[c])
        .Select(r =>
            new[]
            {
                Word(r),
                r.Case.Name,
                r.Case.Expected,
                Short(r.Found, 60),
                r.Took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture),
                Short(r.Note, 110),
            }
        )
        .Prepend(head)
        .ToList();
    var widths = Enumerable.Range(0, head.Length).Select(i => rows.Max(r => r[i].Length)).ToArray();
    Console.WriteLine();
    foreach (var row in rows)
    {
        Console.WriteLine(string.Join("  ", row.Select((cell, i) => cell.PadRight(widths[i]))).TrimEnd());
    }

    var different = results.Values.Count(r => !r.IsAsExpected);
    var skipped = results.Values.Count(r => r.IsSkipped);
    Console.WriteLine();
    Console.WriteLine($"{results.Count - different - skipped} as expected, {different} different, {skipped} skipped");
    return different == 0 && results.Count == cases.Count && results.Count > skipped ? 0 : 1;
}

static string Words(Exception e) =>
    e is BatteryException or HttpRequestException or Shipinator.Client.ShipinatorApiException
        ? e.Message
        : $"{e.GetType().Name}: {e.Message}";

static string Word(CaseResult result) =>
    result.IsSkipped ? "skip"
    : result.IsAsExpected ? "ok"
    : "DIFF";

static string Short(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";

static void Say(string text) => Console.Error.WriteLine($"==> {text}");
