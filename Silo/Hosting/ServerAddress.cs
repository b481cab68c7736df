namespace Shipinator.Silo.Hosting;

/// <summary>Where this installation is reached: as configured, else where it listens.</summary>
public sealed record ServerAddress(Uri PublicUrl, Uri RunnerUrl) : IServerAddress
{
    /// <summary>From the settings and the port that was chosen.</summary>
    public static ServerAddress From(Configuration.ShipinatorOptions options, int port)
    {
        ArgumentNullException.ThrowIfNull(options);
        // A wildcard is no address that anybody can call: on this machine loopback is meant.
        var host = options.Listen is "0.0.0.0" or "::" ? "127.0.0.1" : options.Listen;
        var listening = new UriBuilder("http", host, port).Uri;
        return new(options.PublicUrl ?? listening, options.RunnerUrl ?? listening);
    }
}
