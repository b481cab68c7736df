namespace Shipinator.Silo.Configuration;

/// <summary>How silos find each other.</summary>
public enum ClusteringKind
{
    /// <summary>A single server.</summary>
    Localhost,

    /// <summary>Several silos, through the membership table in PostgreSQL.</summary>
    AdoNet,
}

/// <summary>
/// The server's own settings: section <c>Shipinator</c> of <c>appsettings.json</c>, environment variables <c>SHIPINATOR__KEY</c>, or the
/// command line (<c>--Shipinator:Key=value</c> and the short forms in <see cref="CommandLineSwitches"/>). Without any setting the server
/// is standalone. The docstrings of the members are the descriptions in <c>docs/settings.md</c>.
/// </summary>
public sealed class ShipinatorOptions
{
    /// <summary>The name of the section.</summary>
    public const string Section = "Shipinator";

    /// <summary>The short forms of settings on the command line.</summary>
    public static readonly IDictionary<string, string> CommandLineSwitches = new Dictionary<string, string>
    {
        ["--data"] = $"{Section}:{nameof(Data)}",
        ["--port"] = $"{Section}:{nameof(Port)}",
        ["--listen"] = $"{Section}:{nameof(Listen)}",
        ["--public-url"] = $"{Section}:{nameof(PublicUrl)}",
    };

    /// <summary>
    /// The Npgsql connection string of the database. Without it the server runs its own PostgreSQL in <see cref="Data"/>.
    /// </summary>
    public string? ConnectionString { get; set; }

    /// <summary>
    /// The data folder. Default: <c>$SHIPINATOR_DATA</c>, else <c>$XDG_DATA_HOME/shipinator</c>, else <c>~/.local/share/shipinator</c>.
    /// </summary>
    public string? Data { get; set; }

    /// <summary>The IP address on which the server listens for HTTP.</summary>
    public string Listen { get; set; } = "127.0.0.1";

    /// <summary>The HTTP port. 0 picks a free port at the first start and keeps it for the data folder.</summary>
    public int Port { get; set; } = 7400;

    /// <summary>The URL at which users reach the server, for links. Default: the address that it listens on.</summary>
    public Uri? PublicUrl { get; set; }

    /// <summary>The URL at which runners reach the server. Default: the address that it listens on.</summary>
    public Uri? RunnerUrl { get; set; }

    /// <summary>
    /// How silos find each other: <c>Localhost</c> is a single server, <c>AdoNet</c> a cluster, which requires <see
    /// cref="ConnectionString"/>.
    /// </summary>
    public ClusteringKind Clustering { get; set; } = ClusteringKind.Localhost;

    /// <summary>The executor of repositories that don't name one: <c>process</c> or <c>kubernetes</c>.</summary>
    public string Executor { get; set; } = "process";

    /// <summary>
    /// An API token with role <c>admin</c>, chosen by the operator and set on all silos, for the first sign-in to a cluster:
    /// <c>shp_</c> followed by at least 32 random characters.
    /// </summary>
    public string? BootstrapToken { get; set; }

    /// <summary>
    /// The keys of stored secrets and credentials, each the base64 of 32 random bytes (<c>openssl rand -base64 32</c>), the same on all
    /// silos: the first encrypts, all decrypt. Default: the file <c>secret.key</c> in the data folder of a single server; none in a
    /// cluster, which then stores no secrets. See <c>docs/secrets.md</c>.
    /// </summary>
    public IList<string> SecretKeys { get; set; } = [];

    /// <summary>
    /// The static runner (built by <c>Runner/publish-static.sh</c>) that pods download from <c>GET /v1/runner</c>. A relative path starts
    /// at the server's program folder. Default: <c>runner-static/runner</c>.
    /// </summary>
    public string? StaticRunnerPath { get; set; }

    /// <summary>
    /// Proxies in front of this server: IP addresses and networks such as <c>10.0.0.0/8</c>. Only their <c>X-Forwarded-For</c> is taken as
    /// the client's address.
    /// </summary>
    public IList<string> TrustedProxies { get; set; } = [];

    /// <summary>Rate limits, counted by each server separately.</summary>
    public LimitSettings Limits { get; set; } = new();

    /// <summary>Orleans: the cluster and its ports.</summary>
    public OrleansSettings Orleans { get; set; } = new();

    /// <summary>The process executor.</summary>
    public ProcessSettings Process { get; set; } = new();

    /// <summary>The Kubernetes executor, which is enabled by its <c>Namespace</c>. See also <c>docs/kubernetes.md</c>.</summary>
    public Executors.Kubernetes.KubernetesOptions Kubernetes { get; set; } = new();

    /// <summary>Git access: allowed hosts and limits.</summary>
    public Forges.ForgeOptions Git { get; set; } = new();

    /// <summary>Limits for logs and artifacts.</summary>
    public StorageSettings Storage { get; set; } = new();

    /// <summary>The server's own PostgreSQL.</summary>
    [Setting(Mode = ServerMode.Standalone)]
    public PostgresSettings Postgres { get; set; } = new();
}

/// <summary>Rate limits, counted by each server separately.</summary>
public sealed class LimitSettings
{
    /// <summary>Failed sign-ins per minute and client address; 0 means no limit.</summary>
    public int FailedSignInsPerMinute { get; set; } = 30;

    /// <summary>Requests with an invalid token per minute and client address; 0 means no limit.</summary>
    public int WrongTokensPerMinute { get; set; } = 300;

    /// <summary>Runs started per minute and token; 0 means no limit.</summary>
    public int RunsPerMinutePerToken { get; set; } = 600;

    /// <summary>Runs started per minute and repository; 0 means no limit.</summary>
    public int RunsPerMinutePerRepository { get; set; } = 600;

    /// <summary>How long the sign-in link that the server prints at its start is valid.</summary>
    [Setting(Mode = ServerMode.Standalone)]
    public TimeSpan SignInLinkLifetime { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>Settings of Orleans: the cluster and its ports.</summary>
public sealed class OrleansSettings
{
    /// <summary>Silos with the same cluster ID form a cluster.</summary>
    public string ClusterId { get; set; } = "shipinator";

    /// <summary>The ID of the stored state. Never change it for an existing database.</summary>
    public string ServiceId { get; set; } = "shipinator";

    /// <summary>
    /// The port for other silos. 0 picks a free port at the first start and keeps it for the data folder.
    /// </summary>
    [Setting(Mode = ServerMode.Cluster)]
    public int SiloPort { get; set; }

    /// <summary>The port for Orleans clients, which requires <see cref="Tls"/>. 0 opens no port; the server itself needs none.</summary>
    [Setting(Mode = ServerMode.Cluster)]
    public int GatewayPort { get; set; }

    /// <summary>The IP address at which other silos reach this one. An address beyond loopback requires <see cref="Tls"/>.</summary>
    [Setting(Mode = ServerMode.Cluster)]
    public string AdvertisedAddress { get; set; } = "127.0.0.1";

    /// <summary>
    /// The time in which a silo must respond to the first probe of another. Later it adapts to the response times, between 50 % and 125 %
    /// of this value. A silo that misses three probes is declared dead; see <c>docs/operations.md</c>.
    /// </summary>
    [Setting(Mode = ServerMode.Cluster)]
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The certificates with which silos authenticate each other.</summary>
    [Setting(Mode = ServerMode.Cluster)]
    public TlsSettings Tls { get; set; } = new();

    /// <summary>
    /// Whether silos may communicate beyond loopback without <see cref="Tls"/>, neither encrypted nor authenticated, so that anyone who can
    /// reach the port can run programs. Only for networks that encrypt and authenticate themselves.
    /// </summary>
    [Setting(Mode = ServerMode.Cluster)]
    public bool AllowUnauthenticatedPeers { get; set; }
}

/// <summary>
/// Mutual TLS between silos: PEM files, which are reloaded when they change. Set all three or none.
/// </summary>
public sealed class TlsSettings
{
    /// <summary>The file with this silo's certificate, valid for both server and client authentication.</summary>
    public string? Certificate { get; set; }

    /// <summary>The file with the certificate's private key, without a password.</summary>
    public string? Key { get; set; }

    /// <summary>
    /// The file with the certificate of the authority and of intermediate authorities. All certificates that it issued are trusted as
    /// silos: use an authority for this cluster only.
    /// </summary>
    public string? Authority { get; set; }

    /// <summary>
    /// The name that the certificates of silos must contain, for an authority that issues others as well. Default: any name.
    /// </summary>
    public string? PeerName { get; set; }

    /// <summary>Whether any of the files is set.</summary>
    internal bool IsSet => Certificate is not null || Key is not null || Authority is not null;
}

/// <summary>Limits for logs and artifacts, in bytes.</summary>
public sealed class StorageSettings
{
    /// <summary>The maximum size of an execution's log, in bytes. Longer logs are truncated and end with a line that says so.</summary>
    public long MaxLogBytes { get; set; } = 512L * 1024 * 1024;

    /// <summary>The maximum size of an artifact, in bytes.</summary>
    public long MaxArtifactBytes { get; set; } = 5L * 1024 * 1024 * 1024;

    /// <summary>The maximum total size of the artifacts of a run, in bytes.</summary>
    public long MaxRunArtifactBytes { get; set; } = 50L * 1024 * 1024 * 1024;
}

/// <summary>Settings of the process executor.</summary>
public sealed class ProcessSettings
{
    /// <summary>
    /// Whether the process executor may be used although the server listens beyond loopback: anyone who can push then runs programs on this
    /// machine.
    /// </summary>
    public bool AllowBeyondLoopback { get; set; }

    /// <summary>The maximum number of parallel executions.</summary>
    [Setting(Default = "4 per processor")]
    public int MaxConcurrent { get; set; } = 4 * Environment.ProcessorCount;

    /// <summary>The runner program, a <c>.dll</c> or an executable. Default: the runner in the server's program folder.</summary>
    public string? RunnerPath { get; set; }

    /// <summary>
    /// The folder of the workspaces. Default: <c>work</c> in the data folder. If the server is root and steps run as other users, who can't
    /// access the data folder: <c>/var/lib/shipinator/work-HASH</c>, with a hash of the data folder's path.
    /// </summary>
    public string? WorkFolder { get; set; }

    /// <summary>Whether steps run as the server's user even if that is root: anyone who can push then has root access.</summary>
    public bool RunAsServerUser { get; set; }

    /// <summary>The first user ID for job attempts if the server is root.</summary>
    public uint FirstUserId { get; set; } = 400_000;

    /// <summary>The number of user IDs for job attempts; each active job attempt uses one.</summary>
    public int UserIds { get; set; } = 10_000;

    /// <summary>
    /// Whether all silos run on one machine with one data folder. Otherwise a cluster can't use the process executor.
    /// </summary>
    [Setting(Mode = ServerMode.Cluster)]
    public bool OneMachine { get; set; }
}

/// <summary>Settings of the server's own PostgreSQL.</summary>
public sealed class PostgresSettings
{
    /// <summary>
    /// The folder with <c>initdb</c> and <c>postgres</c>. Default: the newest in <c>/usr/lib/postgresql</c>, else on the PATH.
    /// </summary>
    public string? BinFolder { get; set; }
}
