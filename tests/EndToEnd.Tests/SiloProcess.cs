using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Shipinator.EndToEnd.Tests;

/// <summary>The real server as a process that can be killed.</summary>
public sealed class SiloProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(Process process) => _process = process;

    /// <summary>The console output.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public static Task<SiloProcess> StartAsync(
        string dataFolder,
        IReadOnlyDictionary<string, string>? environment = null,
        params string[] arguments
    ) => StartAsync("dotnet", [], dataFolder, environment, arguments);

    /// <summary>Starts the server as another user; requires root.</summary>
    public static Task<SiloProcess> StartAsAsync(
        string uid,
        string dataFolder,
        IReadOnlyDictionary<string, string> environment,
        params string[] arguments
    ) => StartAsync("setpriv", [$"--reuid={uid}", $"--regid={uid}", "--clear-groups", "--", "dotnet"], dataFolder, environment, arguments);

    private static async Task<SiloProcess> StartAsync(
        string program,
        string[] before,
        string dataFolder,
        IReadOnlyDictionary<string, string>? environment,
        string[] arguments
    )
    {
        var start = new ProcessStartInfo(program, before)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(Layout.Server);
        start.ArgumentList.Add("--data");
        start.ArgumentList.Add(dataFolder);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        var silo = new SiloProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        silo._process.OutputDataReceived += silo.Received;
        silo._process.ErrorDataReceived += silo.Received;
        silo._process.Exited += (_, _) =>
            silo._ready.TrySetException(new InvalidOperationException("The server exited before it was ready."));
        silo._process.Start();
        silo._process.BeginOutputReadLine();
        silo._process.BeginErrorReadLine();
        try
        {
            await silo._ready.Task.WaitAsync(TimeSpan.FromSeconds(90));
        }
        catch (Exception e)
        {
            silo._process.Kill();
            throw new InvalidOperationException($"The server did not start: {e.Message}\n{silo.Output}", e);
        }

        return silo;
    }

    /// <summary>Reads the URL and token of a standalone server.</summary>
    public static (Uri Url, string Token) Connection(string dataFolder)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(dataFolder, "server.json")));
        return (new Uri(document.RootElement.GetProperty("url").GetString()!), document.RootElement.GetProperty("token").GetString()!);
    }

    /// <summary>Kills the process with <c>kill -9</c>.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync();
    }

    /// <summary>Stops the process with SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
            await _process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token);
        }

        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await StopAsync();
        }

        _process.Dispose();
    }

    private void Received(object sender, DataReceivedEventArgs e)
    {
        if (e.Data is null)
        {
            return;
        }

        lock (_output)
        {
            _output.AppendLine(e.Data);
        }

        if (e.Data.Contains("Shipinator listens on", StringComparison.Ordinal))
        {
            _ready.TrySetResult();
        }
    }
}

/// <summary>The paths of the built programs.</summary>
public static class Layout
{
    public static string Root { get; } = FindRoot();

    public static string Server => Path.Combine(Root, "Silo", "bin", Configuration, "net10.0", "Shipinator.Silo.dll");

    public static string Cli => Path.Combine(Root, "Cli", "bin", Configuration, "net10.0", "shipinator.dll");

    private static string Configuration => AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Shipinator.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("Shipinator.sln was not found above the test.");
    }
}
