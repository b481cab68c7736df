namespace Shipinator.Silo.Hosting;

/// <summary>The URLs of this installation: as configured, else the address that it listens on.</summary>
public sealed record ServerAddress(Uri PublicUrl, Uri RunnerUrl) : IServerAddress
{
    /// <summary>Creates the URLs from the settings and the chosen port.</summary>
    public static ServerAddress From(Configuration.ShipinatorOptions options, int port)
    {
        ArgumentNullException.ThrowIfNull(options);
        // A wildcard is not a usable address: loopback works on this machine.
        var host = options.Listen is "0.0.0.0" or "::" ? "127.0.0.1" : options.Listen;
        var listening = new UriBuilder("http", host, port).Uri;
        return new(options.PublicUrl ?? listening, options.RunnerUrl ?? listening);
    }
}
