using Shipinator.Cli;
using Shipinator.Cli.Commands;
using Shipinator.Cli.IO;

var root = new CommandLine(TimeProvider.System).Build();

// Response files are off: '@name' is an ordinary value, never the name of a file to read arguments from.
var parsed = root.Parse(args, new System.CommandLine.ParserConfiguration { ResponseFileTokenReplacer = null });
if (parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction)
{
    foreach (var problem in CommandLine.ParseErrors(parsed))
    {
        await Console.Error.WriteLineAsync($"shipinator: {TerminalText.Message(problem)}");
    }

    await Console.Error.WriteLineAsync($"Run '{CommandLine.FullName(parsed.CommandResult.Command)} --help' for usage.");
    return ExitCodes.Usage;
}

// Interrupts and ServerProcess handle signals.
return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
