using System.Globalization;
using Microsoft.Extensions.Options;
using Shipinator.Artifacts;

namespace Shipinator.Benchmarks;

/// <summary>
/// Log appends per second with and without flushing to the disk: alternating rounds of the same store on the same folder, one and 32
/// logs at once, chunks of 4 KiB.
/// </summary>
public static class LogsBenchmark
{
    private const int Rounds = 5;
    private const int ChunkBytes = 4096;
    private static readonly TimeSpan RoundLength = TimeSpan.FromSeconds(2);

    /// <summary>Prints the medians and their ratio. Returns 0.</summary>
    public static async Task<int> RunAsync()
    {
        // Below the working folder: /tmp may be in memory, where a flush costs nothing.
        var root = Directory.CreateDirectory(Path.Combine(Environment.CurrentDirectory, $".logs-benchmark-{Environment.ProcessId}"));
        try
        {
            var options = Options.Create(new FileStoreOptions { Root = root.FullName });
            using var durable = new FileSystemLogStore(options, TimeProvider.System);
            using var fast = new FileSystemLogStore(options, TimeProvider.System) { Flush = null };
            foreach (var logs in (int[])[1, 32])
            {
                await RoundAsync(durable, logs);
                await RoundAsync(fast, logs);
                var (with, without) = (new List<double>(), new List<double>());
                for (var round = 0; round < Rounds; round++)
                {
                    // Each goes first in every other round.
                    var isDurableFirst = round % 2 == 0;
                    var first = await RoundAsync(isDurableFirst ? durable : fast, logs);
                    var second = await RoundAsync(isDurableFirst ? fast : durable, logs);
                    with.Add(isDurableFirst ? first : second);
                    without.Add(isDurableFirst ? second : first);
                }

                var (a, b) = (Yardstick.Median(with), Yardstick.Median(without));
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{logs} logs: {a:F0} appends/s with fsync, {b:F0} without: ratio {a / b:F2}; {1000 * logs / a:F2} and "
                            + $"{1000 * logs / b:F2} ms each"
                    )
                );
            }

            return 0;
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static async Task<double> RoundAsync(FileSystemLogStore store, int logs)
    {
        var time = TimeProvider.System;
        var began = time.GetTimestamp();
        var counts = await Task.WhenAll(
            Enumerable
                .Range(0, logs)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        var (id, chunk, offset, count) = (ExecutionId.New(time), new byte[ChunkBytes], 0L, 0);
                        while (time.GetElapsedTime(began) < RoundLength)
                        {
                            offset = await store.Append(id, offset, chunk, [], CancellationToken.None);
                            count++;
                        }

                        return count;
                    })
                )
        );
        return counts.Sum() / time.GetElapsedTime(began).TotalSeconds;
    }
}
