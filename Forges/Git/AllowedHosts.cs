using System.Net;
using System.Net.Sockets;

namespace Shipinator.Forges.Git;

/// <summary>Which addresses the server may connect to: public ones, and those that the operator allows.</summary>
internal sealed class AllowedHosts
{
    private static readonly IPNetwork[] Inside = Networks(
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7"
    );

    /// <summary>Never Git hosts: this network, link-local (cloud metadata), documentation, benchmarks, multicast, reserved.</summary>
    private static readonly IPNetwork[] Special = Networks(
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        // Cloud metadata services in other kinds of networks.
        "100.100.100.200/32",
        "168.63.129.16/32",
        "fd00:ec2::254/128",
        "2001::/32",
        "2001:db8::/32"
    );

    private static readonly IPNetwork PublicV6 = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");
    private readonly List<IPNetwork> _networks = [];
    private readonly List<string> _hosts = [];
    private readonly bool _only;

    /// <summary>Invalid entries are ignored; <see cref="ForgeOptionsValidator"/> reports them.</summary>
    public AllowedHosts(IEnumerable<string> entries, bool only)
    {
        _only = only;
        foreach (var entry in entries)
        {
            if (Network(entry) is { } network)
            {
                _networks.Add(network);
            }
            else if (HostName(entry) is { } host)
            {
                _hosts.Add(host);
            }
        }
    }

    public static bool IsValid(string entry) => Network(entry) is not null || HostName(entry) is not null;

    /// <summary>Whether the server may connect to an address that the host name resolved to, or that was given instead of a name.</summary>
    public bool Allows(string host, IPAddress address)
    {
        var real = Embedded(address);
        if (_networks.Any(n => n.Contains(real)))
        {
            return true;
        }

        if (Special.Any(n => n.Contains(real)))
        {
            return false;
        }

        var named = _hosts.Any(h => h.StartsWith('*') ? host.EndsWith(h[1..], StringComparison.Ordinal) : host == h);
        if (Inside.Any(n => n.Contains(real)))
        {
            return named;
        }

        return (named || !_only) && (real.AddressFamily == AddressFamily.InterNetwork || PublicV6.Contains(real));
    }

    /// <summary>The IPv4 address that is embedded in an IPv6 address, if any.</summary>
    private static IPAddress Embedded(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();
        return Nat64.Contains(address) || (Compatible.Contains(address) && !address.Equals(IPAddress.IPv6Loopback))
                ? new IPAddress(bytes.AsSpan(12, 4))
            : SixToFour.Contains(address) ? new IPAddress(bytes.AsSpan(2, 4))
            // Without its zone: fe80::1%eth0 is in fe80::/10.
            : new IPAddress(bytes);
    }

    private static IPNetwork? Network(string entry) =>
        IPAddress.TryParse(entry, out var one)
            ? new IPNetwork(Embedded(one), Embedded(one).AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
        : IPNetwork.TryParse(entry, out var network) ? network
        : null;

    private static string? HostName(string entry)
    {
        var name = entry.StartsWith("*.", StringComparison.Ordinal) ? entry[2..] : entry;
        return CloneAddress.TryParse($"https://{name}", out _) is { Port: 443, Path: "", Literal: null } address
            ? (name.Length == entry.Length ? address.Host : "*." + address.Host)
            : null;
    }

    private static IPNetwork[] Networks(params string[] texts) => [.. texts.Select(IPNetwork.Parse)];
}
