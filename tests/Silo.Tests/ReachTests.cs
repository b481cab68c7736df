using Orleans.Configuration;
using Shipinator.Executors.Process;
using Shipinator.Silo.Clustering;
using Shipinator.Silo.Configuration;

namespace Shipinator.Silo.Tests;

/// <summary>Settings that open ports beyond loopback, and what they require.</summary>
public sealed class ReachTests
{
    private static readonly TlsSettings Files = new()
    {
        Certificate = "/c",
        Key = "/k",
        Authority = "/a",
    };

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("192.168.1.5")]
    [InlineData("fd00::1")]
    [InlineData("0.0.0.0")]
    public void SilosBeyondLoopback_WithoutCertificates_AreRejectedUnlessAllowed(string address)
    {
        Assert.Contains(
            "Shipinator:Orleans:AdvertisedAddress",
            Assert.Single(Failures(Cluster(o => o.AdvertisedAddress = address))),
            StringComparison.Ordinal
        );
        Assert.Empty(Failures(Cluster(o => (o.AdvertisedAddress, o.Tls) = (address, Files))));
        Assert.Empty(Failures(Cluster(o => (o.AdvertisedAddress, o.AllowUnauthenticatedPeers) = (address, true))));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void SilosOnLoopback_NeedNoCertificates(string address) => Assert.Empty(Failures(Cluster(o => o.AdvertisedAddress = address)));

    [Fact]
    public void GatewayPort_NeedsCertificates_EvenOnLoopback()
    {
        Assert.Contains(
            "Shipinator:Orleans:GatewayPort",
            Assert.Single(Failures(Cluster(o => o.GatewayPort = 30000))),
            StringComparison.Ordinal
        );
        Assert.Empty(Failures(Cluster(o => (o.GatewayPort, o.Tls) = (30000, Files))));
        Assert.NotEmpty(Failures(new() { Orleans = { GatewayPort = 30000, Tls = Files } }));
    }

    [Fact]
    public void IncompleteTlsFiles_AreRejected()
    {
        var failures = Failures(Cluster(o => o.Tls = new() { Certificate = "/c" }));
        Assert.Equal(2, failures.Count);
        Assert.Contains(failures, f => f.StartsWith("Shipinator:Orleans:Tls:Key is missing", StringComparison.Ordinal));
        Assert.Contains(failures, f => f.StartsWith("Shipinator:Orleans:Tls:Authority is missing", StringComparison.Ordinal));
    }

    [Fact]
    public void ProcessExecutor_AnyPortBeyondLoopback_IsRejected()
    {
        foreach (
            var (options, setting) in new (ShipinatorOptions, string)[]
            {
                (new() { Listen = "0.0.0.0" }, "Shipinator:Listen (0.0.0.0)"),
                (new() { Listen = "::" }, "Shipinator:Listen (::)"),
                (Cluster(o => o.AdvertisedAddress = "10.0.0.1"), "Shipinator:Orleans:AdvertisedAddress (10.0.0.1)"),
                (Cluster(o => (o.AdvertisedAddress, o.GatewayPort) = ("10.0.0.1", 30000)), "Shipinator:Orleans:GatewayPort (30000)"),
            }
        )
        {
            var reach = Reach.BeyondLoopback(options);
            Assert.Contains(setting, reach);
            var process = new ProcessExecutorOptions
            {
                Root = "/work",
                RunnerPath = typeof(ReachTests).Assembly.Location,
                ListensBeyondLoopback = reach.Count > 0,
                ListensAt = string.Join(", ", reach),
            };
            Assert.Contains(
                setting,
                Assert.Single(new ProcessExecutorOptionsValidator(TimeProvider.System).Validate(null, process).Failures!),
                StringComparison.Ordinal
            );
        }

        Assert.Empty(Reach.BeyondLoopback(new()));
        Assert.Empty(Reach.BeyondLoopback(Cluster(_ => { })));
        // Without a cluster nothing listens there.
        Assert.Empty(Reach.BeyondLoopback(new() { Orleans = { AdvertisedAddress = "10.0.0.1" } }));
    }

    [Fact]
    public void HungSilo_IsDeclaredDead_WithinTheDocumentedTime()
    {
        var options = new ClusterMembershipOptions();
        Liveness.Apply(options, new OrleansSettings().ProbeTimeout);
        Assert.Equal(TimeSpan.FromSeconds(10), Liveness.DetectionTime(options));
        Assert.Equal(TimeSpan.FromSeconds(15), Liveness.StaleEntryTime(options));
        Assert.Equal(TimeSpan.FromSeconds(5), options.TableRefreshTimeout);
        var operations = File.ReadAllText(Path.Combine(Repository.Root, "docs", "operations.md"));
        Assert.Contains("within 10 s", operations, StringComparison.Ordinal);
        Assert.Contains("within 15 s", operations, StringComparison.Ordinal);
    }

    private static ShipinatorOptions Cluster(Action<OrleansSettings> set)
    {
        var options = new ShipinatorOptions { Clustering = ClusteringKind.AdoNet, ConnectionString = "Host=x" };
        set(options.Orleans);
        return options;
    }

    private static List<string> Failures(ShipinatorOptions options) =>
        [.. new ShipinatorOptionsValidator().Validate(null, options).Failures ?? []];
}
