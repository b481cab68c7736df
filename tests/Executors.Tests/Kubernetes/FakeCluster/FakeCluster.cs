using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// A Kubernetes API server over real HTTP, with injectable faults, that behaves as in the recordings of a real one: Jobs, pods and their
/// logs, Secrets, Leases, quotas, events. Pods are changed by the test or, with a <see cref="ClusterTime"/>, by controllers,
/// scheduler and kubelet. <c>ConformanceTests</c> compares it with the recordings.
/// </summary>
internal sealed class FakeCluster : IAsyncDisposable
{
    private readonly int _port;
    private readonly Faults _faults = new();
    private readonly Watching _watching;
    private readonly ApiServer _server;
    private readonly X509Certificate2? _certificate;
    private WebApplication? _app;

    private FakeCluster(int port, ClusterTime? clock, Action<World>? kubelet, X509Certificate2? certificate)
    {
        _certificate = certificate;
        var time = clock ?? TimeProvider.System;
        _port = port;
        Writing = new(Store, time, anyNamespace: clock is null);
        Deleting = new Deleting(Store, time, hasControllers: clock is not null);
        var logs = new PodLogs(Store, time);
        _watching = new(Store, time);
        _server = new(Store, Writing, new(Store), Deleting, _watching, logs, _faults);
        if (clock is not null)
        {
            var world = new World(Store, Writing, Deleting, logs, clock);
            JobController.Start(world);
            GarbageCollector.Start(world);
            Scheduler.Start(world);
            (kubelet ?? ScriptedKubelet.Start)(world);
            Store.Changed += change =>
            {
                // A namespace's service account is created a moment later.
                if (change is { Type: "ADDED", Key.Kind: "namespaces" })
                {
                    world.After(5, () => Account(change.Key.Name));
                }
            };
            Writing.Create(
                Kind.Of("namespaces"),
                null,
                new()
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Namespace",
                    ["metadata"] = new JsonObject { ["name"] = "ci" },
                }
            );
        }
    }

    /// <inheritdoc cref="Faults.LoseAnswers"/>
    public int LoseAnswers
    {
        get => _faults.LoseAnswers;
        set => _faults.LoseAnswers = value;
    }

    /// <inheritdoc cref="Faults.HoldAnswers"/>
    public int HoldAnswers
    {
        get => _faults.HoldAnswers;
        set => _faults.HoldAnswers = value;
    }

    /// <inheritdoc cref="Faults.TooMany"/>
    public int TooMany
    {
        get => _faults.TooMany;
        set => _faults.TooMany = value;
    }

    /// <inheritdoc cref="Faults.RetryAfter"/>
    public int RetryAfter
    {
        get => _faults.RetryAfter;
        set => _faults.RetryAfter = value;
    }

    /// <inheritdoc cref="Faults.Refuse"/>
    public (int Code, string Reason, string Message)? Refuse
    {
        get => _faults.Refuse;
        set => _faults.Refuse = value;
    }

    /// <inheritdoc cref="Faults.Before"/>
    public Func<string, Task>? Before
    {
        get => _faults.Before;
        set => _faults.Before = value;
    }

    /// <summary>Requests so far, by method and kind; <c>GET jobs watch</c> for watches.</summary>
    public IReadOnlyDictionary<string, int> Requests => _server.Requests;

    /// <inheritdoc cref="ApiServer.Rights"/>
    public IReadOnlyCollection<string> Rights => _server.Rights;

    public string Kubeconfig { get; } = Path.GetTempFileName();

    public Uri Url => new($"{(_certificate is null ? "http" : "https")}://127.0.0.1:{_port}");

    /// <summary>All objects and their history.</summary>
    public Store Store { get; } = new();

    /// <summary>Creates objects without the API.</summary>
    public Writing Writing { get; }

    /// <summary>Deletes and evicts without the API.</summary>
    public Deleting Deleting { get; }

    public int Count(string kind) => Store.Count(kind);

    public JsonObject? Get(string kind, string name) => Store.FindAnywhere(kind, name);

    /// <summary>
    /// With a clock, controllers run; with an <see cref="Agenda"/>, as its steps are taken. The kubelet of the
    /// node is a <see cref="ScriptedKubelet"/> unless another one is given. <paramref name="secure"/>: HTTP/2 over TLS, like real servers.
    /// </summary>
    public static async Task<FakeCluster> StartAsync(ClusterTime? time = null, Action<World>? kubelet = null, bool secure = false)
    {
        var port = FreePort();
        var cluster = new FakeCluster(port, time, kubelet, secure ? Certificate.Make() : null);
        var authority = cluster._certificate is { } own
            ? $", certificate-authority-data: {Convert.ToBase64String(Encoding.UTF8.GetBytes(own.ExportCertificatePem()))}"
            : "";
        await File.WriteAllTextAsync(
            cluster.Kubeconfig,
            $$"""
            apiVersion: v1
            kind: Config
            current-context: fake
            clusters: [ { name: fake, cluster: { server: "{{cluster.Url.ToString().TrimEnd('/')}}"{{authority}} } } ]
            users: [ { name: fake, user: { token: {{Access.Admin}} } } ]
            contexts: [ { name: fake, context: { cluster: fake, user: fake } } ]
            """
        );
        await cluster.ComeBackAsync();
        return cluster;
    }

    /// <summary>Below the ephemeral ports: a connection might take one of those while the server is away.</summary>
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_768);
            try
            {
                using var socket = new System.Net.Sockets.TcpListener(IPAddress.Loopback, port);
                socket.Start();
                return port;
            }
            catch (System.Net.Sockets.SocketException)
            {
                // In use.
            }
        }
    }

    public async Task ComeBackAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(server =>
            server.Listen(
                IPAddress.Loopback,
                _port,
                listen =>
                {
                    if (_certificate is not null)
                    {
                        listen.UseHttps(_certificate);
                    }
                }
            )
        );
        _app = builder.Build();
        _app.Map("/{**path}", _server.AnswerAsync);
        await _app.StartAsync();
    }

    public async Task GoAwayAsync()
    {
        CutWatches();
        if (_app is { } app)
        {
            _app = null;
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await app.StopAsync(patience.Token);
            await app.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await GoAwayAsync();
        _watching.Dispose();
        _certificate?.Dispose();
        File.Delete(Kubeconfig);
    }

    /// <inheritdoc cref="Watching.Cut"/>
    public void CutWatches(bool torn = false) => _watching.Cut(torn);

    /// <inheritdoc cref="Watching.Mute"/>
    public void MuteWatches(string? kind = null) => _watching.Mute(kind);

    /// <summary>Watches end as after their timeout, with all events sent.</summary>
    public void FinishWatches() => _watching.Finish();

    /// <summary>Drops the history and aborts all watches: resuming them gets 410.</summary>
    public void Forget()
    {
        // At once: a watch that sent a change after the compaction could be resumed.
        lock (Store.Gate)
        {
            Store.Compact();
            CutWatches();
        }
    }

    private void Account(string @namespace) =>
        Writing.Create(
            Kind.Of("serviceaccounts"),
            @namespace,
            new()
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ServiceAccount",
                ["metadata"] = new JsonObject { ["name"] = "default" },
            }
        );

    /// <summary>Creates or changes an object, as a controller would.</summary>
    public void Put(string kind, JsonObject found) => Store.Save(kind, found);

    /// <summary>Creates or changes the pod of a worker.</summary>
    public void PutPod(string worker, string status, bool deleting = false) =>
        Put(
            "pods",
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["metadata"] = new JsonObject
                {
                    ["deletionTimestamp"] = deleting ? "2030-01-01T00:00:00Z" : null,
                    ["name"] = $"{worker}-x",
                    ["namespace"] = "ci",
                    ["uid"] = $"pod-{worker}",
                    ["creationTimestamp"] = Json.Time(DateTimeOffset.UnixEpoch.AddYears(60)),
                    ["labels"] = Get("jobs", worker)!["spec"]!["template"]!["metadata"]!["labels"]!.DeepClone(),
                },
                ["status"] = JsonNode.Parse(status),
            }
        );

    public void Remove(string kind, string name) => Store.RemoveAnywhere(kind, name);
}
