using Shipinator.Schema;
using Shipinator.Silo.Configuration;
using Shipinator.Silo.Standalone;
using Shipinator.WebFrontend.Security;

namespace Shipinator.Silo.Hosting;

/// <summary>The lifetime of the process: settings, data folder, database, host.</summary>
public static class Server
{
    /// <summary>Runs until SIGTERM or Ctrl-C; returns the exit code.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        ProcessPrivacy.Close();
        var configuration = new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
            .AddJsonFile(Path.Combine(Environment.CurrentDirectory, "shipinator.json"), optional: true)
            .AddEnvironmentVariables()
            .AddCommandLine(args, ShipinatorOptions.CommandLineSwitches)
            .Build();
        var options = Settings.Read(configuration);
        var standalone = string.IsNullOrEmpty(options.ConnectionString);
        using var folder = DataFolder.Open(DataFolder.Resolve(options.Data), exclusive: standalone);
        var port = folder.ChoosePort(options.Port);

        await using var postgres = standalone ? await StandaloneDatabase.StartAsync(folder, options.Postgres) : null;
        await using var database = OpenDatabase(options.ConnectionString ?? postgres!.ConnectionString());

        await using var app = SiloApp.Build(args, configuration, options, database, folder, port);
        await SiloApp.PrepareAsync(app);
        var token = await AccessTokens.EnsureAsync(app.Services, options, folder, standalone);
        var link = token is null ? null : app.Services.GetRequiredService<SignInLinks>().Issue(token);
        await StartAsync(app, options, port);

        var address = app.Services.GetRequiredService<IServerAddress>();
        if (token is not null && standalone)
        {
            folder.WriteServerFile(new(address.PublicUrl.ToString().TrimEnd('/'), token, Environment.ProcessId));
        }

        PrintAddress(address, link, options.Limits.SignInLinkLifetime, folder);
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static ShipinatorDatabase OpenDatabase(string connectionString)
    {
        try
        {
            return ShipinatorDatabase.Create(connectionString);
        }
        catch (InvalidInputException e)
        {
            throw new StartupException($"{SettingKey.In(nameof(ShipinatorOptions.ConnectionString))}: {e.Message}", e);
        }
    }

    private static async Task StartAsync(WebApplication app, ShipinatorOptions options, int port)
    {
        try
        {
            await app.StartAsync();
        }
        catch (IOException e)
        {
            throw new StartupException(
                $"Can't listen on {options.Listen}:{port}: {e.Message} Choose another port with --port (0 picks a free port).",
                e
            );
        }
    }

    /// <summary>Prints the address and the sign-in link; <c>run.sh</c> and tests search for this text.</summary>
    private static void PrintAddress(IServerAddress address, string? link, TimeSpan lifetime, DataFolder folder)
    {
        Console.WriteLine($"Shipinator listens on {address.PublicUrl}");
        Console.WriteLine($"  Data    {folder.Path}");
        if (link is not null)
        {
            Console.WriteLine($"  Sign in {new Uri(address.PublicUrl, link)}  (valid once, for {lifetime.TotalMinutes:0.#} min)");
        }

        Console.Out.Flush();
    }
}
