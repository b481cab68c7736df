using Shipinator.Cli;
using Shipinator.Cli.Commands;
using Shipinator.Cli.IO;

var root = new CommandLine(TimeProvider.System).Build();
// '@name' is a value like any other: no argument is ever the name of a file to read arguments from.
var parsed = root.Parse(args, new System.CommandLine.ParserConfiguration { ResponseFileTokenReplacer = null });
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
