using Shipinator.Benchmarks;
using Shipinator.Benchmarks.Live;

return args switch
{
    ["storage"] => await StorageBenchmark.RunAsync(),
    ["logs"] => await LogsBenchmark.RunAsync(),
    ["indexes"] => await IndexesBenchmark.RunAsync(),
    ["lint"] => LintBenchmark.Run(2_000, 1),
    ["lint", var files] when int.TryParse(files, out var count) && count > 0 => LintBenchmark.Run(count, 1),
    ["runs"] => await RunsBenchmark.RunAsync(),
    ["pipeline"] => await PipelineBenchmark.RunAsync(),
    ["waiting"] => await WaitingBenchmark.RunAsync(),
    ["claim"] => await ClaimBenchmark.RunAsync(),
    ["live"] => await LiveBenchmark.RunAsync(),
    ["viewers"] => await ViewersBenchmark.RunAsync(),
    ["dead-silo"] => await DeadSiloBenchmark.RunAsync(),
    ["dead-silo", var count] => await DeadSiloBenchmark.RunAsync(count),
    ["viewers-crowd", var server, var cookie, var path, var crowd] => await ViewersBenchmark.CrowdAsync(server, cookie, path, crowd),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        "Name one benchmark; expected one of storage, logs, indexes, lint, runs, pipeline, claim, live, viewers, waiting, dead-silo."
    );
    return 2;
}
