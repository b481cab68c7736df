using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Shipinator.Client;

namespace Shipinator.KubernetesBattery;

/// <summary>A real standalone Shipinator as a process, with the Kubernetes executor.</summary>
internal sealed class Server : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(120);

    /// <summary>Until the response headers; a streamed body may take longer.</summary>
    private static readonly TimeSpan ResponseTimeout = TimeSpan.FromSeconds(60);
    private readonly string _folder;
    private readonly ProcessStartInfo _start;
    private readonly StreamWriter _log;
    private readonly string _logFile;
    private Process _process;

    private Server(ProcessStartInfo start, string folder, Uri here, string token)
    {
        var logFile = Path.Combine(folder, "server.log");
        _folder = folder;
        _start = start;
        _logFile = logFile;
        _log = new(logFile) { AutoFlush = true };
        Here = here;
        Api = new(Http(here, token));
        _process = Run();
    }

    /// <summary>The installation's id, in the labels of everything that it creates.</summary>
    public const string Instance = "e2e";

    public ShipinatorClient Api { get; }

    /// <summary>Its address on this machine.</summary>
    public Uri Here { get; }

    public static async Task<Server> StartAsync(Settings settings, Cluster cluster, string folder)
    {
        var token = "shp_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        var start = new ProcessStartInfo("dotnet", [settings.Silo])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        foreach (var (name, value) in Variables(settings, cluster, folder, token))
        {
            start.Environment["SHIPINATOR__" + name] = value;
        }

        var server = new Server(start, folder, new UriBuilder("http", "127.0.0.1", settings.Url.Port).Uri, token);
        try
        {
            await server.WaitUntilReadyAsync();
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }

        return server;
    }

    /// <summary>A client with a timeout.</summary>
    public static HttpClient Http(Uri server, string token)
    {
        var http = ShipinatorClient.CreateHttp(server, token);
        http.Timeout = ResponseTimeout;
        return http;
    }

    /// <summary>Kills it with SIGKILL and starts it again.</summary>
    public async Task KillAndStartAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = Run();
        await WaitUntilReadyAsync();
    }

    private Process Run()
    {
        var process = new Process { StartInfo = _start };
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (_log)
            {
                _log.WriteLine(line.Data);
            }
        }
    }

    private Task WaitUntilReadyAsync() =>
        Until.TrueAsync(
            async () =>
            {
                if (_process.HasExited)
                {
                    throw new BatteryException($"The server exited with code {_process.ExitCode}; its log is {_logFile}.");
                }

                try
                {
                    await Api.MeAsync();
                    return true;
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                {
                    return false;
                }
            },
            StartTimeout,
            "the server to respond"
        );

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
        await Database.StopAsync(_folder);
        await _log.DisposeAsync();
    }

    /// <summary>The settings for the battery (docs/kubernetes.md), with short timeouts.</summary>
    private static Dictionary<string, string> Variables(Settings settings, Cluster cluster, string folder, string token)
    {
        var variables = new Dictionary<string, string>
        {
            ["DATA"] = Path.Combine(folder, "data"),
            ["LISTEN"] = "0.0.0.0",
            // The repositories of the battery are served from this machine.
            ["GIT__ALLOWEDHOSTS__0"] = settings.GitUrl.Host,
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
            ["KUBERNETES__PENDINGTIMEOUT"] = "00:00:40",
            ["KUBERNETES__IMAGEPULLTIMEOUT"] = "00:00:30",
            ["KUBERNETES__SWEEPPERIOD"] = "00:00:10",
        };
        if (settings.Runner is { } runner)
        {
            variables["STATICRUNNERPATH"] = runner;
        }

        if (settings.PullPolicy is { } policy)
        {
            variables["KUBERNETES__IMAGEPULLPOLICY"] = policy;
        }

        if (settings.PrivateImage is not null)
        {
            variables["KUBERNETES__PULLSECRETS__0"] = Battery.PullSecret;
        }

        if (settings.Restricted)
        {
            (variables["KUBERNETES__RUNASNONROOT"], variables["KUBERNETES__RUNASUSER"], variables["KUBERNETES__FSGROUP"]) = (
                "true",
                "1000",
                "1000"
            );
        }

        if (settings.CacheClass is not null)
        {
            variables["KUBERNETES__CACHECLAIM"] = Battery.CacheClaim;
        }

        return variables;
    }
}

/// <summary>Polls other processes, which have no event to wait for.</summary>
internal static class Until
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(300);

    /// <summary>Canceled when the battery is to stop: waits end, and everything is cleaned up.</summary>
    public static CancellationToken Stopping { get; set; }

    /// <summary>Errors: <see cref="BatteryException"/> after the timeout.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan patience, string what)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (Stopping.IsCancellationRequested)
            {
                throw new BatteryException("stopped by a signal");
            }

            if (TimeProvider.System.GetElapsedTime(start) > patience)
            {
                throw new BatteryException($"timed out after {patience.TotalSeconds:0} s waiting for {what}");
            }

            await Task.Delay(Period, TimeProvider.System);
        }
    }
}
