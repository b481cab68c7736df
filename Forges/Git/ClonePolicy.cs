using Microsoft.Extensions.Options;

namespace Shipinator.Forges.Git;

/// <summary>What may be cloned: the URL is checked first, and every address of its host before the server connects to it.</summary>
public sealed class ClonePolicy : IClonePolicy
{
    private readonly bool _local;
    private readonly AllowedHosts _hosts;

    /// <summary>Uses the settings of <see cref="ForgeOptions"/>.</summary>
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

    /// <summary>The path of a local repository. Does not access the disk. Errors: <see cref="ForgeException"/>.</summary>
    internal string LocalPath(string cloneUrl)
    {
        if (!_local)
        {
            throw new ForgeException(
                ForgeException.NotAllowed,
                $"'{cloneUrl}' is a local path, but this server clones only from http and https URLs. "
                    + "To allow local paths, set Shipinator:Git:AllowLocalPaths to true."
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
                $"The clone URL is not valid: {problem}. Expected an http or https URL such as https://git.example.org/org/app.git, "
                    + "or an absolute path."
            );
        if (address.Literal is { } literal)
        {
            Require(address, literal);
        }

        return address;
    }

    /// <summary>Errors: <see cref="ForgeException"/> when the server may not connect to the target.</summary>
    internal void Require(CloneAddress address, System.Net.IPAddress target)
    {
        if (!_hosts.Allows(address.Host, target))
        {
            // The address itself is not included: it would disclose the internal network.
            throw new ForgeException(
                ForgeException.NotAllowed,
                $"{address.Url} can't be cloned: the address of {address.Host} is not public. "
                    + "To allow it, add the host or its network to Shipinator:Git:AllowedHosts."
            );
        }
    }
}
