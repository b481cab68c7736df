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

    /// <summary>
    /// Proxies before this server: IP addresses and networks such as <c>10.0.0.0/8</c>. Only from them is <c>X-Forwarded-For</c> taken as the
    /// client's address. Default: none.
    /// </summary>
    public IList<string> TrustedProxies { get; set; } = [];

    /// <summary>How often things may be done.</summary>
    public LimitSettings Limits { get; set; } = new();

    /// <summary>Settings of Orleans.</summary>
    public OrleansSettings Orleans { get; set; } = new();

    /// <summary>Settings of the process executor.</summary>
    public ProcessSettings Process { get; set; } = new();

    /// <summary>Settings of the Kubernetes executor, which there is when its <c>Namespace</c> is set.</summary>
    public Executors.Kubernetes.KubernetesOptions Kubernetes { get; set; } = new();

    /// <summary>What may be cloned from where, and within which limits.</summary>
    public Forges.ForgeOptions Git { get; set; } = new();

    /// <summary>How much of what steps leave is kept.</summary>
    public StorageSettings Storage { get; set; } = new();

    /// <summary>Settings of the server's own PostgreSQL.</summary>
    public PostgresSettings Postgres { get; set; } = new();
}

/// <summary>How often things may be done in a minute, counted by each server for itself; 0: any number.</summary>
public sealed class LimitSettings
{
    /// <summary>Failed sign-ins by one address. Default 30.</summary>
    public int FailedSignInsPerMinute { get; set; } = 30;

    /// <summary>Requests with a wrong token by one address. Default 300.</summary>
    public int WrongTokensPerMinute { get; set; } = 300;

    /// <summary>Runs that one token asks for. Default 600.</summary>
    public int RunsPerMinutePerToken { get; set; } = 600;

    /// <summary>Runs of one repository. Default 600.</summary>
    public int RunsPerMinutePerRepository { get; set; } = 600;

    /// <summary>For how long the sign-in link that a standalone server prints works. Default 15 min.</summary>
    public TimeSpan SignInLinkLifetime { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>Settings of Orleans.</summary>
public sealed class OrleansSettings
{
    /// <summary>Silos with the same cluster id are one cluster. Default <c>shipinator</c>.</summary>
    public string ClusterId { get; set; } = "shipinator";

    /// <summary>Names the state that survives a cluster; never change it on a live database. Default <c>shipinator</c>.</summary>
    public string ServiceId { get; set; } = "shipinator";

    /// <summary>
    /// The port for other silos, with <see cref="ClusteringKind.AdoNet"/>; 0 takes a free one at the first start and keeps it
    /// for the data folder. Default 0. Without a cluster there is no such port.
    /// </summary>
    public int SiloPort { get; set; }

    /// <summary>The port for Orleans clients. Default 0: there is none, since the server needs none. It asks for <see cref="Tls"/>.</summary>
    public int GatewayPort { get; set; }

    /// <summary>The address by which other silos reach this one; beyond loopback it asks for <see cref="Tls"/>. Default 127.0.0.1.</summary>
    public string AdvertisedAddress { get; set; } = "127.0.0.1";

    /// <summary>
    /// The first time that a silo has to answer a probe; afterwards half of it to five quarters of it, as fast as it answered
    /// before. Who misses three is declared dead: see <c>docs/operations.md</c> for the bound. Default 2 s.
    /// </summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The certificate by which silos know each other, as files.</summary>
    public TlsSettings Tls { get; set; } = new();

    /// <summary>
    /// The operator's word that silos may talk beyond loopback without <see cref="Tls"/>, neither encrypted nor authenticated:
    /// whoever reaches the port may run anything. For networks that do both by themselves. Default false.
    /// </summary>
    public bool AllowUnauthenticatedPeers { get; set; }
}

/// <summary>
/// Mutual TLS between silos: PEM files, which are read again when they change. All three or none.
/// </summary>
public sealed class TlsSettings
{
    /// <summary>The file with this silo's certificate, good for both server and client authentication.</summary>
    public string? Certificate { get; set; }

    /// <summary>The file with its private key, without a password.</summary>
    public string? Key { get; set; }

    /// <summary>The file with the authority's certificate, and those between, if there are. Whoever has a certificate of it is a silo: use one of the cluster's own.</summary>
    public string? Authority { get; set; }

    /// <summary>A name that a peer's certificate must bear, for an authority that issues for others, too. Default: any.</summary>
    public string? PeerName { get; set; }

    /// <summary>Whether anything is set.</summary>
    internal bool IsSet => Certificate is not null || Key is not null || Authority is not null;
}

/// <summary>How much of what steps leave is kept, in bytes.</summary>
public sealed class StorageSettings
{
    /// <summary>Of one execution's log; what follows is dropped, and the log ends with a line that says so. Default 512 MiB.</summary>
    public long MaxLogBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>The largest artifact. Default 5 GiB.</summary>
    public long MaxArtifactBytes { get; set; } = 5L * 1024 * 1024 * 1024;

    /// <summary>All artifacts of one run together. Default 50 GiB.</summary>
    public long MaxRunArtifactBytes { get; set; } = 50L * 1024 * 1024 * 1024;
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
