using Shipinator.Silo;
using Shipinator.Silo.Hosting;

SafeConsole.Install();
try
{
    return await Server.RunAsync(args);
}
catch (StartupException e)
{
    await Console.Error.WriteLineAsync($"shipinator: {e.Message}");
    return 2;
}
catch (Microsoft.Extensions.Options.OptionsValidationException e)
{
    await Console.Error.WriteLineAsync("shipinator: Invalid settings:");
    foreach (var failure in e.Failures)
    {
        await Console.Error.WriteLineAsync($"  {failure}");
    }

    return 2;
}
