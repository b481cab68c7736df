using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Shipinator.Benchmarks.Live;

/// <summary>
/// An open page of the dashboard without a browser: the circuit of Blazor Server over a real WebSocket. It acknowledges
/// render batches, as a browser does, responds to script calls, and renders nothing.
/// </summary>
public sealed partial class Circuit : IAsyncDisposable
{
    private readonly HubConnection _connection;
    private readonly TaskCompletionSource _drawn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _batches;
    private long _bytes;

    private Circuit(HubConnection connection) => _connection = connection;

    /// <summary>The number of render batches received.</summary>
    public int Batches => Volatile.Read(ref _batches);

    /// <summary>Their total size in bytes.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>The error that the server reported; null when there was none.</summary>
    public string? Error { get; private set; }

    /// <summary>Opens a page; returns after its first render.</summary>
    public static async Task<Circuit> OpenAsync(Uri server, string path, string cookie, CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false }) { BaseAddress = server };
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Cookie", cookie);
        request.Headers.Add("Accept", "text/html");
        using var response = await http.SendAsync(request, cancellationToken);
        var html = await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(cancellationToken);

        var builder = new HubConnectionBuilder().WithUrl(
            new Uri(server, "/_blazor"),
            HttpTransportType.WebSockets,
            o =>
            {
                o.SkipNegotiation = true;
                o.Headers["Cookie"] = cookie;
                // As every browser sends it.
                o.Headers["Origin"] = server.GetLeftPart(UriPartial.Authority);
            }
        );
        builder.Services.AddSingleton<IHubProtocol>(new BlazorPack());
        var circuit = new Circuit(builder.Build());
        circuit.Listen();
        await circuit._connection.StartAsync(cancellationToken);
        var state = State().Match(html) is { Success: true } found ? found.Groups[1].Value : "";
        await circuit._connection.InvokeAsync<string>(
            "StartCircuit",
            server.ToString(),
            new Uri(server, path).ToString(),
            "[]",
            state,
            cancellationToken
        );
        var operations = new JsonArray([
            .. Marker()
                .Matches(html)
                .Select(
                    (m, i) =>
                        new JsonObject
                        {
                            ["type"] = "add",
                            ["ssrComponentId"] = i + 1,
                            ["marker"] = JsonNode.Parse(m.Groups[1].Value),
                        }
                ),
        ]);
        await circuit._connection.SendAsync(
            "UpdateRootComponents",
            new JsonObject { ["batchId"] = 1, ["operations"] = operations }.ToJsonString(),
            state,
            cancellationToken
        );
        await circuit._drawn.Task.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken);
        return circuit;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private void Listen()
    {
        _connection.On<int, byte[]>(
            "JS.RenderBatch",
            async (id, batch) =>
            {
                Interlocked.Add(ref _bytes, batch.Length);
                await _connection.SendAsync("OnRenderCompleted", (long)id, null);
                // The empty page, then the page with its data.
                if (Interlocked.Increment(ref _batches) >= 3)
                {
                    _drawn.TrySetResult();
                }
            }
        );
        _connection.On<int, string, string, int, long, int>("JS.BeginInvokeJS", Answer);
        _connection.On<int, string, string, int, long>(
            "JS.BeginInvokeJS",
            (task, identifier, arguments, kind, target) => Answer(task, identifier, arguments, kind, target, 0)
        );
        _connection.On<string>("JS.Error", error => Error = error);
        _connection.On<int, string>("JS.AttachComponent", (_, _) => { });
        _connection.On<string>("JS.EndUpdateRootComponents", _ => { });
        _connection.On<string>("JS.EndInvokeDotNet", _ => { });
        _connection.On<string, bool, string>("JS.EndInvokeDotNet", (_, _, _) => { });
    }

    private Task Answer(int task, string identifier, string arguments, int kind, long target, int call) =>
        task == 0
            ? Task.CompletedTask
            : _connection.SendAsync(
                "EndInvokeJSFromDotNet",
                (long)task,
                true,
                string.Create(CultureInfo.InvariantCulture, $"[{task},true,{Value(identifier)}]")
            );

    /// <summary>The results of the scripts in a wide window with the light theme.</summary>
    private static string Value(string identifier) =>
        identifier switch
        {
            "shipinator.start" => "false",
            _ when identifier.Contains("rect", StringComparison.OrdinalIgnoreCase) => "null",
            _ when identifier.Contains("Breakpoint", StringComparison.OrdinalIgnoreCase)
                    || identifier.Contains("matchMedia", StringComparison.OrdinalIgnoreCase) => "false",
            _ when identifier.Contains("WindowSize", StringComparison.OrdinalIgnoreCase) => """{"height":900,"width":1400}""",
            _ => "null",
        };

    [GeneratedRegex("<!--Blazor-Server-Component-State:(.*?)-->")]
    private static partial Regex State();

    [GeneratedRegex("<!--Blazor:(\\{\"type\":\"server\".*?\\})-->")]
    private static partial Regex Marker();

    /// <summary>MessagePack under the name that Blazor requests.</summary>
    private sealed class BlazorPack : IHubProtocol
    {
        private readonly MessagePackHubProtocol _inner = new();

        public string Name => "blazorpack";

        public int Version => 1;

        public TransferFormat TransferFormat => TransferFormat.Binary;

        public bool IsVersionSupported(int version) => version == 1;

        public ReadOnlyMemory<byte> GetMessageBytes(HubMessage message) => _inner.GetMessageBytes(message);

        public bool TryParseMessage(
            ref ReadOnlySequence<byte> input,
            IInvocationBinder binder,
            [NotNullWhen(true)] out HubMessage? message
        ) => _inner.TryParseMessage(ref input, binder, out message);

        public void WriteMessage(HubMessage message, IBufferWriter<byte> output) => _inner.WriteMessage(message, output);
    }
}
