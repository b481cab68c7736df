using Shipinator.Cli;
using Shipinator.Cli.Commands;
using Shipinator.Cli.IO;

var root = new CommandLine(TimeProvider.System).Build();

// '@name' is a value like any other: no argument is ever the name of a file to read arguments from.
var parsed = root.Parse(args, new System.CommandLine.ParserConfiguration { ResponseFileTokenReplacer = null });
if (parsed.Errors.Count > 0 && parsed.Action is System.CommandLine.Invocation.ParseErrorAction)
{
    // What comes of a misspelled option, such as a value too many, would only distract from it.
    IEnumerable<string> problems = CommandLine.UnknownOption(parsed) is { } unknown ? [unknown] : parsed.Errors.Select(e => e.Message);
    foreach (var problem in problems)
    {
        await Console.Error.WriteLineAsync($"shipinator: {TerminalText.Message(problem)}");
    }

    await Console.Error.WriteLineAsync($"'{CommandLine.FullName(parsed.CommandResult.Command)} --help' shows how it is used.");
    return ExitCodes.Usage;
}

// Signals are ours: see Interrupts and ServerProcess.
return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
