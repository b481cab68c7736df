using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>The unsent log on a full disk.</summary>
public sealed class SpoolTests
{
    [Fact]
    public async Task FullDisk_LosesNoByteAndIsLogged()
    {
        await using var server = await FakeServer.StartAsync();
        using var http = RunnerClient.CreateHttp(server.Url, "shx_token");
        var file = Path.GetTempFileName();
        var disk = new SmallDisk(file, 10_000);
        var lines = Enumerable.Range(1, 400_000).Select(i => $"line {i}\n").ToList();
        await using (
            var log = new LogSpool(
                new SpoolFile(disk, new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0)),
                new(http, "e"),
                TimeProvider.System,
                () => { }
            )
        )
        {
            foreach (var chunk in lines.Chunk(500))
            {
                log.Write(Encoding.UTF8.GetBytes(string.Concat(chunk)));
            }

            await log.CompleteAsync().WaitAsync(TimeSpan.FromSeconds(60));
        }

        File.Delete(file);
        var note = server.Log.Split('\n').Single(l => l.StartsWith("[shipinator]", StringComparison.Ordinal));
        Assert.Contains("No space left", note, StringComparison.Ordinal);
        Assert.Equal(string.Concat(lines), server.Log.Replace(note + "\n", "", StringComparison.Ordinal));
    }

    /// <summary>Fails a write beyond its size after writing a part of it, as disks do.</summary>
    private sealed class SmallDisk(string file, long size) : FileStream(file, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, 0)
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (Position + buffer.Length > size)
            {
                base.Write(buffer[..(int)Math.Max(0, size - Position)]);
                throw new IOException("No space left on device");
            }

            base.Write(buffer);
        }
    }
}
