using System.Globalization;
using Shipinator.Testing;

namespace Shipinator.Benchmarks;

/// <summary>
/// (3) Wall time of a pipeline of six steps that run <c>true</c>, through a real standalone server with the process
/// executor, compared with a shell script that runs the same six.
/// </summary>
public static class PipelineBenchmark
{
    private const int Rounds = 9;

    /// <summary>From the request that triggers the run to the moment at which its row is terminal; medians.</summary>
    public static async Task<int> RunAsync()
    {
        var root = PassableFolder.Create("ship-bench-");
        var repository = Path.Combine(root, "six");
        Directory.CreateDirectory(repository);
        await File.WriteAllTextAsync(
            Path.Combine(repository, ".shipinator.yaml"),
            "image: none\nbuild:\n  steps:\n"
                + string.Concat(Enumerable.Range(1, 6).Select(i => $"    - {{ name: s{i}, run: \"true\" }}\n"))
        );
        await ServerProcess.ShellAsync(
            $"cd {repository} && git init -q -b main && git add -A && git -c user.name=b -c user.email=b@b commit -q -m six"
        );
        try
        {
            await using var server = await ServerProcess.StartAsync(Path.Combine(root, "data"));
            var pipeline = await server.RegisterAsync(repository);
            var runs = new List<double>();
            var shells = new List<double>();
            for (var round = 0; round <= Rounds; round++)
            {
                var start = TimeProvider.System.GetTimestamp();
                await ServerProcess.ShellAsync(
                    $"d=$(mktemp -d) && git clone -q {repository} $d/w && cd $d/w && "
                        + $"for i in 1 2 3 4 5 6; do sh -e -c true; done; rm -rf $d"
                );
                var shell = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
                start = TimeProvider.System.GetTimestamp();
                var id = await server.TriggerAsync(pipeline, "main");
                if (await server.EndAsync(id) is not "success" and var status)
                {
                    throw new InvalidOperationException($"Run {id} ended with status {status}.");
                }

                var run = TimeProvider.System.GetElapsedTime(start).TotalMilliseconds;
                if (round > 0)
                {
                    runs.Add(run);
                    shells.Add(shell);
                }
            }

            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"six steps of 'true': pipeline median {Yardstick.Median(runs):F0} ms (min {runs.Min():F0}, max {runs.Max():F0}); "
                        + $"shell with clone {Yardstick.Median(shells):F0} ms; "
                        + $"difference {Yardstick.Median(runs) - Yardstick.Median(shells):F0} ms, "
                        + $"ratio {Yardstick.Median(runs) / Yardstick.Median(shells):F1}"
                )
            );
            return 0;
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
