using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Shipinator.Forges.Git;

/// <summary>Finds where a host redirects a repository to, within the same origin.</summary>
internal sealed class RedirectProbe(ClonePolicy policy, TimeSpan patience)
{
    private const string Suffix = "/info/refs";
    private const string Query = "?service=git-upload-pack";

    /// <summary>Null when it redirects to another origin, or to something that git could not use.</summary>
    public async Task<CloneAddress?> FindAsync(
        CloneAddress address,
        IReadOnlyList<IPAddress> addresses,
        GitCredential? credential,
        CancellationToken cancellationToken
    )
    {
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = patience,
            ResponseDrainTimeout = TimeSpan.Zero,
        };
        if (addresses.Count > 0)
        {
            handler.UseProxy = false;
            handler.ConnectCallback = async (context, cancellation) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync([.. addresses], context.DnsEndPoint.Port, cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        using var http = new HttpClient(handler) { Timeout = patience };
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address.Url.TrimEnd('/') + Suffix + Query));
        request.Headers.UserAgent.ParseAdd("git/2.39 (shipinator)");
        if (credential is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue(
                "Basic",
                Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Username}:{credential.Password}"))
            );
        }

        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.Headers.Location is { } location ? Target(address, new Uri(request.RequestUri!, location)) : null;
        }
        catch (Exception e)
            when (e is HttpRequestException or UriFormatException
                || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
            )
        {
            return null;
        }
    }

    private CloneAddress? Target(CloneAddress from, Uri location)
    {
        var text = location.AbsoluteUri;
        var end = text.IndexOf(Suffix + Query, StringComparison.Ordinal);
        return
            end > 0
            && end + Suffix.Length + Query.Length == text.Length
            && CloneAddress.TryParse(text[..end], out _) is { } target
            && target.Origin == from.Origin
            && target.Url != from.Url
            ? policy.Address(target.Url)
            : null;
    }
}
