using Microsoft.Extensions.Options;

namespace Shipinator.WebFrontend.Api;

/// <summary>
/// Reads the bodies of webhooks with limited memory and time. Small bodies and large ones have separate limits, so that large ones can't
/// keep the usual small ones waiting.
/// </summary>
public sealed class WebhookBodies(IOptions<WebOptions> options, TimeProvider time) : IDisposable
{
    private const int Small = 1024 * 1024;
    private const int SmallAtOnce = 128;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(30);
    private readonly SemaphoreSlim _small = new(SmallAtOnce, SmallAtOnce);

    /// <summary>Large bodies count as many permits as they may have MiB.</summary>
    private readonly SemaphoreSlim _large = new(
        (int)
            Math.Max(
                1,
                Math.Max(options.Value.MaxWebhookMemoryBytes, options.Value.MaxWebhookBytes) / Math.Max(1, options.Value.MaxWebhookBytes)
            )
    );

    /// <summary>
    /// Reads a body; dispose the result when it is no longer needed. Null: too many others are being read. Errors:
    /// <see cref="BadHttpRequestException"/> when it is larger than allowed (413), or not received in 30 s (408).
    /// </summary>
    public async Task<WebhookBody?> ReadAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var most = options.Value.MaxWebhookBytes;
        var announced = context.Request.ContentLength;
        // The server also counts the framing of chunks; below, only the bytes of the body count.
        RunnerRoutes.Limit(context, announced is null ? 2 * most : most);
        if (announced > most)
        {
            throw TooLarge(most);
        }

        var free = announced is { } length && length <= Small ? _small : _large;
        if (!await free.WaitAsync(LongestWait, context.RequestAborted))
        {
            return null;
        }

        try
        {
            return new(await BytesAsync(context, announced, most), free);
        }
        catch
        {
            free.Release();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _small.Dispose();
        _large.Dispose();
    }

    private async Task<ReadOnlyMemory<byte>> BytesAsync(HttpContext context, long? announced, long most)
    {
        using var limit = new CancellationTokenSource(LongestRead, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
        // Grows as bytes arrive: an announced length alone occupies nothing.
        using var bytes = new MemoryStream((int)Math.Min(announced ?? 0, 64 * 1024));
        var buffer = new byte[64 * 1024];
        try
        {
            int read;
            while ((read = await context.Request.Body.ReadAsync(buffer, stop.Token)) > 0)
            {
                if (bytes.Length + read > most)
                {
                    throw TooLarge(most);
                }

                bytes.Write(buffer, 0, read);
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            throw new BadHttpRequestException(
                $"The body was not received within {LongestRead.TotalSeconds:0} s.",
                StatusCodes.Status408RequestTimeout
            );
        }

        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }

    private static BadHttpRequestException TooLarge(long most) =>
        new(
            $"The body of a webhook must have at most {most} bytes (Shipinator:Web:MaxWebhookBytes).",
            StatusCodes.Status413PayloadTooLarge
        );
}

/// <summary>The body of a webhook, which occupies a part of the limit until it is disposed.</summary>
public sealed class WebhookBody(ReadOnlyMemory<byte> bytes, SemaphoreSlim held) : IDisposable
{
    private int _isDisposed;

    /// <summary>The raw bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; } = bytes;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            held.Release();
        }
    }
}
