using Microsoft.Extensions.Options;

namespace Shipinator.Forges.Git;

/// <summary>What may be cloned, by the settings: judged by the text first, and by every address that a host has before it is connected to.</summary>
public sealed class ClonePolicy : IClonePolicy
{
    private readonly bool _local;
    private readonly AllowedHosts _hosts;

    /// <summary>Reads the settings.</summary>
    public ClonePolicy(IOptions<ForgeOptions> options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _local = options.Value.AllowLocalPaths ?? false;
        _hosts = new(options.Value.AllowedHosts, options.Value.OnlyAllowedHosts);
    }

    /// <inheritdoc/>
    public void Check(string cloneUrl)
    {
        if (IsLocal(cloneUrl))
        {
            _ = LocalPath(cloneUrl);
        }
        else
        {
            _ = Address(cloneUrl);
        }
    }

    /// <summary>Whether it is an absolute path or a <c>file</c> URL.</summary>
    internal static bool IsLocal(string cloneUrl) => LocalAddress.IsLocal(cloneUrl);

    /// <summary>The path of a local repository. Errors: <see cref="ForgeException"/>; then the disk was not looked at.</summary>
    internal string LocalPath(string cloneUrl)
    {
        if (!_local)
        {
            throw new ForgeException(
                ForgeException.NotAllowed,
                "This server clones from http and https URLs only; local paths are for a standalone server. An operator can allow them with Shipinator:Git:AllowLocalPaths."
            );
        }

        return LocalAddress.TryParse(cloneUrl, out var problem)
            ?? throw new ForgeException(ForgeException.NotAllowed, $"The clone URL can't be used: {problem}.");
    }

    /// <summary>The address of a remote repository. Errors: <see cref="ForgeException"/>.</summary>
    internal CloneAddress Address(string cloneUrl)
    {
        var address =
            CloneAddress.TryParse(cloneUrl, out var problem)
            ?? throw new ForgeException(
                ForgeException.NotAllowed,
                $"The clone URL can't be used: {problem}. Expected an http or https URL such as https://git.example.org/org/app.git, or an absolute path."
            );
        if (address.Literal is { } literal)
        {
            Require(address, literal);
        }

        return address;
    }

    /// <summary>Errors: <see cref="ForgeException"/> when the server may not connect there.</summary>
    internal void Require(CloneAddress address, System.Net.IPAddress target)
    {
        if (!_hosts.Allows(address.Host, target))
        {
            // The address itself is not told: a name of the inner network would give away its map.
            throw new ForgeException(
                ForgeException.NotAllowed,
                $"The host {address.Host} is not one that this server may connect to: its address is not public. An operator can allow the host or its network with Shipinator:Git:AllowedHosts."
            );
        }
    }
}
