using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Shipinator.Forges.Git;

namespace Shipinator.Forges.Api;

/// <summary>
/// All requests to the APIs of forges, by the rules of clones: each address of a host is checked and exactly these are connected to,
/// redirects stay below the API's base address, and time, size and concurrency are limited. No cookies are kept.
/// </summary>
internal sealed class ForgeHttp : IDisposable
{
    /// <summary>The longest response, in bytes, decompressed.</summary>
    public const int MaxResponseBytes = 16 * 1024 * 1024;

    /// <summary>Of a response that is no success, only this much is read, in bytes: its status says what is to be done.</summary>
    public const int MaxErrorBytes = 64 * 1024;

    private const int MostRedirects = 3;
    private readonly ClonePolicy _policy;
    private readonly TimeProvider _time;
    private readonly TimeSpan _patience;
    private readonly HostLookup _lookup;
    private readonly HostSlots _slots;
    private readonly HttpMessageInvoker _direct;
    private readonly HttpMessageInvoker _proxied;

    /// <summary>Does not connect to anything yet.</summary>
    public ForgeHttp(IOptions<ForgeOptions> options, TimeProvider time)
    {
        var settings = options.Value;
        _policy = new(options);
        _time = time;
        _patience = settings.IdleTimeout;
        _lookup = new(_policy, _patience, time);
        _slots = new(settings.FetchesPerHost, settings.Fetches, settings.WaitTimeout, time);
        var direct = Handler();
        direct.UseProxy = false;
        direct.ConnectCallback = ConnectAsync;
        _direct = new(direct);
        _proxied = new(Handler());
    }

    /// <summary>
    /// Sends a request and reads the whole response, whatever its status. Errors: <see cref="ForgeRequestException"/> when there is no
    /// response, or when it is too long or redirects elsewhere.
    /// </summary>
    public async Task<ApiResponse> SendAsync(ApiAddress api, ApiRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var address = _policy.Address(api.Base.AbsoluteUri);
            using var slot = await _slots.TakeAsync(api.Base.IdnHost, cancellationToken);
            if (Invoker(api.Base) == _proxied)
            {
                // The proxy connects, so the addresses are checked here, as far as this server can resolve the name.
                await _lookup.FindAsync(address, cancellationToken);
            }

            for (var hops = 0; ; hops++)
            {
                var (response, location) = await OnceAsync(api, request, cancellationToken);
                if (location is null)
                {
                    return response;
                }

                if (hops == MostRedirects || !api.Contains(location))
                {
                    throw new ForgeRequestException(
                        ForgeRequestException.Refused,
                        $"{api.Base.Host} redirects the repository's API to another location, which is not followed. "
                            + "Change the repository's clone URL to its new address.",
                        isTransient: false,
                        response.Status
                    );
                }

                // A renamed repository. The method and the body stay, whatever the status: a status that becomes a GET is not posted.
                request = request with
                {
                    Address = location,
                };
            }
        }
        catch (ForgeException e)
        {
            throw Unavailable(e.Message, e.Code != ForgeException.NotAllowed, e);
        }
    }

    public void Dispose()
    {
        _direct.Dispose();
        _proxied.Dispose();
        _slots.Dispose();
    }

    private async Task<(ApiResponse Response, Uri? Location)> OnceAsync(
        ApiAddress api,
        ApiRequest request,
        CancellationToken cancellationToken
    )
    {
        if (!api.Contains(request.Address))
        {
            throw new ForgeRequestException(
                ForgeRequestException.Refused,
                $"{api.Base.Host} refers to an address that is not part of its API, which is not followed.",
                isTransient: false
            );
        }

        using var message = Message(request);
        using var limit = new CancellationTokenSource(_patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var response = await Invoker(request.Address).SendAsync(message, either.Token);
            limit.CancelAfter(_patience);
            var read = new ApiResponse((int)response.StatusCode, HeadersOf(response), await BodyAsync(api, response, either.Token));
            return (
                read,
                read.Status is 301 or 302 or 307 or 308 && response.Headers.Location is { } to ? new Uri(request.Address, to) : null
            );
        }
        catch (HttpRequestException e)
        {
            throw e.InnerException is ForgeException refused
                ? (ShipinatorException)refused
                : Unavailable(
                    $"{api.Base.Host} can't be reached: {Why(e)}. Check that it is up and reachable from this server.",
                    isTransient: true,
                    e
                );
        }
        catch (IOException e)
        {
            throw Unavailable($"{api.Base.Host} closed the connection before its response was complete.", isTransient: true, e);
        }
        catch (UriFormatException e)
        {
            throw Unavailable($"{api.Base.Host} redirects to an address that is not valid.", isTransient: false, e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw Unavailable(
                FormattableString.Invariant(
                    $"{api.Base.Host} did not respond within {_patience.TotalSeconds:0.#} s (Shipinator:Git:IdleTimeout)."
                ),
                isTransient: true,
                e
            );
        }
    }

    /// <summary>As Git does: a proxy of the environment resolves and connects in the server's place.</summary>
    private HttpMessageInvoker Invoker(Uri address) =>
        HttpClient.DefaultProxy.GetProxy(address) is { } proxy && proxy != address ? _proxied : _direct;

    private SocketsHttpHandler Handler() =>
        new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.All,
            ConnectTimeout = _patience,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            // So that addresses are looked up, and checked, from time to time.
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            ResponseDrainTimeout = TimeSpan.Zero,
            MaxResponseHeadersLength = 64,
        };

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var address = _policy.Address(context.InitialRequestMessage.RequestUri!.GetLeftPart(UriPartial.Authority));
        var found = address.Literal is { } literal ? [literal] : await _lookup.FindAsync(address, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync([.. found], context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static HttpRequestMessage Message(ApiRequest request)
    {
        var message = new HttpRequestMessage(request.Method, request.Address);
        message.Headers.UserAgent.ParseAdd("Shipinator");
        message.Headers.TryAddWithoutValidation("Accept", request.Accept);
        message.Headers.Authorization = request.Authorization;
        if (request.IfNoneMatch is { } tag)
        {
            message.Headers.TryAddWithoutValidation("If-None-Match", tag);
        }

        if (request.Body is { } body)
        {
            message.Content = new ByteArrayContent(body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(request.ContentType);
        }

        return message;
    }

    private static async Task<byte[]> BodyAsync(ApiAddress api, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var read = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            if (!response.IsSuccessStatusCode && read.Length + count > MaxErrorBytes)
            {
                break;
            }

            if (read.Length + count > MaxResponseBytes)
            {
                throw new ForgeRequestException(
                    ForgeRequestException.Refused,
                    $"{api.Base.Host} sent a response of more than {MaxResponseBytes / 1024 / 1024} MiB.",
                    isTransient: false,
                    (int)response.StatusCode
                );
            }

            read.Write(buffer, 0, count);
        }

        return read.ToArray();
    }

    private static Dictionary<string, string> HeadersOf(HttpResponseMessage response)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
        {
            headers[name] = string.Join(", ", values);
        }

        return headers;
    }

    private static string Why(HttpRequestException e) =>
        e.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => "its name can't be resolved",
            HttpRequestError.SecureConnectionError => "its TLS certificate can't be verified, or it does not speak TLS",
            HttpRequestError.ResponseEnded => "it closed the connection before responding",
            HttpRequestError.InvalidResponse => "its response is not HTTP",
            HttpRequestError.ConfigurationLimitExceeded => "the headers of its response are too long",
            _ => "no connection can be established",
        };

    private static ForgeRequestException Unavailable(string message, bool isTransient, Exception inner) =>
        new(
            isTransient ? ForgeRequestException.Unavailable : ForgeRequestException.Refused,
            message,
            isTransient,
            status: null,
            retryAfter: null,
            inner
        );
}
