namespace Shipinator.Schema.Server;

/// <summary>Options of a <see cref="LocalPostgres"/>.</summary>
public sealed record LocalPostgresOptions
{
    /// <summary>The folder of the server, created at the first start: <c>data</c>, <c>server.json</c>, <c>server.log</c>.</summary>
    public required string Folder { get; init; }

    /// <summary>The folder with <c>initdb</c> and <c>postgres</c>. Default: Debian's newest version, else from the PATH.</summary>
    public string? BinFolder { get; init; }

    /// <summary>False only for tests: a crash of the machine may then lose all data.</summary>
    public bool Fsync { get; init; } = true;

    /// <summary>The maximum number of connections.</summary>
    public int MaxConnections { get; init; } = 200;

    /// <summary>The maximum duration of a start, including crash recovery.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(60);
}
