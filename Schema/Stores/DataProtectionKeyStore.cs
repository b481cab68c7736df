using Npgsql;
using static Shipinator.Schema.Queries.SqlReading;

namespace Shipinator.Schema.Stores;

/// <summary>
/// The key ring of ASP.NET Core data protection, as XML elements. The framework reads and writes it synchronously: at startup and then
/// about once a day.
/// </summary>
public sealed class DataProtectionKeyStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>All elements, oldest first.</summary>
    public IReadOnlyList<string> All()
    {
        using var command = source.CreateCommand("SELECT xml FROM data_protection_keys ORDER BY created_at, name");
        using var reader = command.ExecuteReader();
        var all = new List<string>();
        while (reader.Read())
        {
            all.Add(reader.GetString(0));
        }

        return all;
    }

    /// <summary>Adds an element; an existing name is left unchanged.</summary>
    public void Add(string name, string xml)
    {
        using var command = source.CreateCommand(
            "INSERT INTO data_protection_keys (name, xml, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING"
        );
        command.Parameters.AddRange(new NpgsqlParameter[] { Text(name), Text(xml), Time(time.GetUtcNow()) });
        command.ExecuteNonQuery();
    }
}
