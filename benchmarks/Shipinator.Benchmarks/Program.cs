using Shipinator.Benchmarks;

return args switch
{
    ["storage"] => await StorageBenchmark.RunAsync(),
    ["runs"] => await RunsBenchmark.RunAsync(),
    ["pipeline"] => await PipelineBenchmark.RunAsync(),
    ["waiting"] => await WaitingBenchmark.RunAsync(),
    ["claim"] => await ClaimBenchmark.RunAsync(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("Name one benchmark: storage, runs, pipeline, claim, waiting.");
    return 2;
}
