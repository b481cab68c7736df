using Shipinator.Cli;
using Shipinator.Cli.Commands;
using Shipinator.Cli.IO;

var root = new CommandLine(TimeProvider.System).Build();
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction)
{
    foreach (var error in parsed.Errors)
    {
        await Console.Error.WriteLineAsync($"shipinator: {TerminalText.Message(error.Message)}");
    }

    await Console.Error.WriteLineAsync($"'{CommandLine.FullName(parsed.CommandResult.Command)} --help' shows how it is used.");
    return ExitCodes.Usage;
}

// Signals are ours: see Interrupts and ServerProcess.
return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
