using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Shipinator.Client;

namespace Shipinator.KubernetesBattery;

/// <summary>A real standalone Shipinator as a process, with the Kubernetes executor.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(120);
    private readonly Process _process;
    private readonly StreamWriter _log;

    private Server(Process process, StreamWriter log, HttpClient http)
    {
        _process = process;
        _log = log;
        Api = new(http);
    }

    /// <summary>The installation's id, in the labels of all that is ours.</summary>
    public const string Instance = "e2e";

    public ShipinatorClient Api { get; }

    public static async Task<Server> StartAsync(Settings settings, Cluster cluster, string folder)
    {
        var token = "shp_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        var start = new ProcessStartInfo("dotnet", [settings.Silo]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        foreach (var (name, value) in Variables(settings, cluster, folder, token))
        {
            start.Environment["SHIPINATOR__" + name] = value;
        }

        var log = new StreamWriter(Path.Combine(folder, "server.log")) { AutoFlush = true };
        var process = new Process { StartInfo = start };
        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (log)
            {
                log.WriteLine(line.Data);
            }
        }

        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var here = new UriBuilder("http", "127.0.0.1", settings.Url.Port).Uri;
        var server = new Server(process, log, ShipinatorClient.CreateHttp(here, token));
        try
        {
            await Until.TrueAsync(async () =>
            {
                if (process.HasExited)
                {
                    throw new BatteryException($"The server ended with {process.ExitCode}; its log is {Path.Combine(folder, "server.log")}.");
                }

                try
                {
                    await server.Api.MeAsync();
                    return true;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            }, StartPatience, "the server to answer");
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        return server;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var stop = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(40));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
        await _log.DisposeAsync();
    }

    /// <summary>The settings that the battery needs (docs/kubernetes.md); short deadlines, so that it ends the same day.</summary>
    private static Dictionary<string, string> Variables(Settings settings, Cluster cluster, string folder, string token)
    {
        var variables = new Dictionary<string, string>
        {
            ["DATA"] = Path.Combine(folder, "data"),
            ["LISTEN"] = "0.0.0.0",
            ["PORT"] = settings.Url.Port.ToString(CultureInfo.InvariantCulture),
            ["PUBLICURL"] = settings.Url.ToString(),
            ["RUNNERURL"] = settings.Url.ToString(),
            ["EXECUTOR"] = "kubernetes",
            ["BOOTSTRAPTOKEN"] = token,
            ["PROCESS__ALLOWBEYONDLOOPBACK"] = "true",
            ["KUBERNETES__KUBECONFIG"] = cluster.Kubeconfig,
            ["KUBERNETES__NAMESPACE"] = cluster.Namespace,
            ["KUBERNETES__INSTANCEID"] = Instance,
            ["KUBERNETES__RUNNERIMAGE"] = settings.RunnerImage,
            ["KUBERNETES__NODESELECTOR__kubernetes.io/os"] = "linux",
            ["KUBERNETES__PENDINGTIMEOUT"] = "00:00:20",
            ["KUBERNETES__IMAGEPULLTIMEOUT"] = "00:00:30",
            ["KUBERNETES__SWEEPPERIOD"] = "00:00:10",
        };
        if (settings.Runner is { } runner)
        {
            variables["STATICRUNNERPATH"] = runner;
        }

        if (settings.CacheClass is not null)
        {
            variables["KUBERNETES__CACHECLAIM"] = Battery.CacheClaim;
        }

        return variables;
    }
}

/// <summary>Other processes are watched: there is no event to wait for.</summary>
internal static class Until
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(300);

    /// <summary>Somebody wants the battery to end: nothing is waited for any more, and what was made is cleaned up.</summary>
    public static CancellationToken Stopping { get; set; }

    /// <summary>Errors: <see cref="BatteryException"/> when it did not come.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan patience, string what)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (Stopping.IsCancellationRequested)
            {
                throw new BatteryException("stopped from outside");
            }

            if (TimeProvider.System.GetElapsedTime(start) > patience)
            {
                throw new BatteryException($"waited {patience.TotalSeconds:0} s in vain for {what}");
            }

            await Task.Delay(Period, TimeProvider.System);
        }
    }
}
