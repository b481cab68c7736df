namespace Shipinator.Schema.Server;

/// <summary>How a <see cref="LocalPostgres"/> is started.</summary>
public sealed record LocalPostgresOptions
{
    /// <summary>Holds the database; made at the first start. Below it: <c>data</c>, <c>server.json</c>, <c>server.log</c>.</summary>
    public required string Folder { get; init; }

    /// <summary>The folder with <c>initdb</c> and <c>postgres</c>. Default: the newest of Debian's, else the PATH's.</summary>
    public string? BinFolder { get; init; }

    /// <summary>False only for tests: a crash of the machine may then lose everything.</summary>
    public bool Fsync { get; init; } = true;

    /// <summary>How many connections at once.</summary>
    public int MaxConnections { get; init; } = 200;

    /// <summary>How long a start may take; recovery after a crash included.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);
}
