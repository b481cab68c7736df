using Shipinator.Benchmarks;
using Shipinator.Benchmarks.Live;

return args switch
{
    ["storage"] => await StorageBenchmark.RunAsync(),
    ["logs"] => await LogsBenchmark.RunAsync(),
    ["indexes"] => await IndexesBenchmark.RunAsync(),
    ["lint"] => LintBenchmark.Run(2_000, 1),
    ["runs"] => await RunsBenchmark.RunAsync(),
    ["pipeline"] => await PipelineBenchmark.RunAsync(),
    ["waiting"] => await WaitingBenchmark.RunAsync(),
    ["claim"] => await ClaimBenchmark.RunAsync(),
    ["live"] => await LiveBenchmark.RunAsync(),
    ["viewers"] => await ViewersBenchmark.RunAsync(),
    ["viewers-crowd", var server, var cookie, var path, var count] => await ViewersBenchmark.CrowdAsync(server, cookie, path, count),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        "Name one benchmark; expected one of storage, logs, indexes, lint, runs, pipeline, claim, live, viewers, waiting."
    );
    return 2;
}
