namespace Shipinator.Silo.Configuration;

/// <summary>How silos find each other.</summary>
public enum ClusteringKind
{
    /// <summary>One process: nobody to find.</summary>
    Localhost,

    /// <summary>Through the membership table in PostgreSQL: N identical silos.</summary>
    AdoNet,
}

/// <summary>
/// All settings of the server, section <c>Shipinator</c> of <c>appsettings.json</c>, environment variables
/// <c>SHIPINATOR__KEY</c>, or the command line (<c>--Shipinator:Key=value</c> and the short forms in
/// <see cref="CommandLineSwitches"/>). With nothing set the server is standalone.
/// </summary>
public sealed class ShipinatorOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Shipinator";

    /// <summary>The short forms on the command line.</summary>
    public static readonly IDictionary<string, string> CommandLineSwitches = new Dictionary<string, string>
    {
        ["--data"] = $"{Section}:{nameof(Data)}",
        ["--port"] = $"{Section}:{nameof(Port)}",
        ["--listen"] = $"{Section}:{nameof(Listen)}",
        ["--public-url"] = $"{Section}:{nameof(PublicUrl)}",
    };

    /// <summary>An Npgsql connection string. Absent: standalone, with a PostgreSQL of its own in <see cref="Data"/>.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>The folder for everything that is kept in files. Default: <c>$SHIPINATOR_DATA</c>, else <c>~/.local/share/shipinator</c>.</summary>
    public string? Data { get; set; }

    /// <summary>The address to listen on for HTTP. Default 127.0.0.1.</summary>
    public string Listen { get; set; } = "127.0.0.1";

    /// <summary>The HTTP port; 0 takes a free one at the first start and keeps it for the data folder. Default 7400.</summary>
    public int Port { get; set; } = 7400;

    /// <summary>The address by which people reach the server, for links. Default: the one that it listens on.</summary>
    public Uri? PublicUrl { get; set; }

    /// <summary>The address by which runners reach the server. Default: the one that it listens on.</summary>
    public Uri? RunnerUrl { get; set; }

    /// <summary>How silos find each other. Default Localhost; AdoNet needs <see cref="ConnectionString"/>.</summary>
    public ClusteringKind Clustering { get; set; } = ClusteringKind.Localhost;

    /// <summary>The executor for repositories that name none. Default <c>process</c>.</summary>
    public string Executor { get; set; } = "process";

    /// <summary>
    /// An API token with role <c>admin</c> that the operator made up (<c>shp_</c> and at least 32 characters) and gives to
    /// all silos, so that the first sign-in to a cluster needs no look at a log. Default: none.
    /// </summary>
    public string? BootstrapToken { get; set; }

    /// <summary>
    /// The static runner (made by <c>Runner/publish-static.sh</c>) that <c>GET /v1/runner</c> gives to pods; a relative path
    /// begins beside the server. Default <c>runner-static/runner</c>.
    /// </summary>
    public string? StaticRunnerPath { get; set; }

    /// <summary>Settings of Orleans.</summary>
    public OrleansSettings Orleans { get; set; } = new();

    /// <summary>Settings of the process executor.</summary>
    public ProcessSettings Process { get; set; } = new();

    /// <summary>Settings of the Kubernetes executor, which there is when its <c>Namespace</c> is set.</summary>
    public Executors.Kubernetes.KubernetesOptions Kubernetes { get; set; } = new();

    /// <summary>Settings of the server's own PostgreSQL.</summary>
    public PostgresSettings Postgres { get; set; } = new();
}

/// <summary>Settings of Orleans.</summary>
public sealed class OrleansSettings
{
    /// <summary>Silos with the same cluster id are one cluster. Default <c>shipinator</c>.</summary>
    public string ClusterId { get; set; } = "shipinator";

    /// <summary>Names the state that survives a cluster; never change it on a live database. Default <c>shipinator</c>.</summary>
    public string ServiceId { get; set; } = "shipinator";

    /// <summary>The port for other silos; 0 takes a free one. Default 0.</summary>
    public int SiloPort { get; set; }

    /// <summary>The port for Orleans clients; 0 takes a free one. Default 0.</summary>
    public int GatewayPort { get; set; }

    /// <summary>The address by which other silos reach this one. Default 127.0.0.1.</summary>
    public string AdvertisedAddress { get; set; } = "127.0.0.1";

    /// <summary>A silo that misses three probes of this length is declared dead. Default 2 s.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);
}

/// <summary>Settings of the process executor.</summary>
public sealed class ProcessSettings
{
    /// <summary>Whether the process executor may be used although the server listens beyond loopback: whoever may push then runs programs on this machine. Default false.</summary>
    public bool AllowBeyondLoopback { get; set; }

    /// <summary>How many executions may run at once. Default 4 per processor.</summary>
    public int MaxConcurrent { get; set; } = 4 * Environment.ProcessorCount;

    /// <summary>The runner program (<c>.dll</c> or native). Default: the one beside the server.</summary>
    public string? RunnerPath { get; set; }

    /// <summary>
    /// The folder of the jobs' folders. Default: <c>work</c> in the data folder; when the server is root and steps run as users
    /// of their own, who may not enter the data folder, <c>/var/lib/shipinator/work-HASH</c>, with a hash of the data folder's path.
    /// </summary>
    public string? WorkFolder { get; set; }

    /// <summary>Whether steps run as the server's own user although that is root: whoever may push may then act as root. Default false.</summary>
    public bool RunAsServerUser { get; set; }

    /// <summary>The first of the user ids that job attempts run as when the server is root. Default 400000.</summary>
    public uint FirstUserId { get; set; } = 400_000;

    /// <summary>How many such user ids there are; each job at work takes one. Default 10000.</summary>
    public int UserIds { get; set; } = 10_000;

    /// <summary>Whether all servers of a cluster are on one machine with one data folder; otherwise a cluster refuses the process executor. Default false.</summary>
    public bool OneMachine { get; set; }
}

/// <summary>Settings of the server's own PostgreSQL, in standalone mode.</summary>
public sealed class PostgresSettings
{
    /// <summary>The folder with <c>initdb</c> and <c>postgres</c>. Default: the newest of Debian's, else the PATH's.</summary>
    public string? BinFolder { get; set; }
}
