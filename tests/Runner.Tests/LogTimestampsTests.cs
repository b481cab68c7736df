using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>When which bytes of a log were printed.</summary>
public sealed class LogTimestampsTests
{
    /// <summary>A model in which every byte has its own time, and a server that takes chunks of any size.</summary>
    [Fact]
    public void Marks_OfAnyWrites_CoverEveryByteWithinTheResolution() =>
        Gen.Select(Gen.Select(Gen.Int[1, 30], Gen.Int[0, 60]).List[1, 150], Gen.Int[1, 200].List[1, 30])
            .Sample(
                (writes, chunks) =>
                {
                    var time = new FakeTimeProvider();
                    var clock = new LogTimestamps(time);
                    var printed = new List<long>();
                    foreach (var (length, pause) in writes)
                    {
                        time.Advance(TimeSpan.FromMilliseconds(pause));
                        clock.Mark(printed.Count);
                        printed.AddRange(Enumerable.Repeat(time.GetUtcNow().ToUnixTimeMilliseconds(), length));
                    }

                    for (var (sent, i) = (0, 0); sent < printed.Count; i++)
                    {
                        var to = Math.Min(printed.Count, sent + chunks[i % chunks.Count]);
                        var marks = clock.Between(sent, to);
                        Assert.InRange(marks.Count, 1, RunnerClient.MaxLogTimes);
                        for (var at = sent; at < to; at++)
                        {
                            Assert.InRange(printed[at] - marks.Last(m => m.Offset <= at).At, 0, 19);
                        }

                        sent = to;
                        clock.Forget(sent);
                    }
                }
            );

    [Fact]
    public void Marks_ServerUnreachableForLong_AreBoundedAndInOrder()
    {
        var time = new FakeTimeProvider();
        var clock = new LogTimestamps(time);
        for (var i = 0; i < 100_000; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(25));
            clock.Mark(i);
        }

        var marks = clock.Between(0, 100_000);
        Assert.InRange(marks.Count, 100, RunnerClient.MaxLogTimes);
        Assert.Equal(0, marks[0].Offset);
        Assert.Equal(marks.OrderBy(m => m.Offset), marks);
        Assert.Equal(marks.OrderBy(m => m.At), marks);
    }
}
