using Npgsql;

namespace Shipinator.Benchmarks;

/// <summary>The machine's speed at this moment, measured in the same run, because the load on these machines varies.</summary>
public static class Yardstick
{
    /// <summary>Durable one-row commits per second, one after another on one connection.</summary>
    public static async Task<double> CommitsPerSecondAsync(NpgsqlDataSource data)
    {
        ArgumentNullException.ThrowIfNull(data);
        const int Count = 300;
        await using var connection = await data.OpenConnectionAsync();
        await using (
            var create = new NpgsqlCommand(
                "CREATE TABLE IF NOT EXISTS yardstick (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL)",
                connection
            )
        )
        {
            await create.ExecuteNonQueryAsync();
        }

        await using var insert = new NpgsqlCommand("INSERT INTO yardstick (at) VALUES (now())", connection);
        var start = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < Count; i++)
        {
            await insert.ExecuteNonQueryAsync();
        }

        return Count / TimeProvider.System.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>The median of the values.</summary>
    public static double Median(IEnumerable<double> values) => Percentile(values, 0.5);

    /// <summary>The value below which the given fraction (0 to 1) of the values is.</summary>
    public static double Percentile(IEnumerable<double> values, double part)
    {
        var sorted = values.Order().ToList();
        return sorted[Math.Clamp((int)Math.Ceiling(part * sorted.Count) - 1, 0, sorted.Count - 1)];
    }
}
