using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The output of containers, and the subresource that serves it.</summary>
internal sealed class PodLogs(Store store, TimeProvider time)
{
    private readonly Dictionary<(string Namespace, string Pod, string Container), List<(DateTimeOffset At, string Text)>> _said = [];

    /// <summary>A container writes, line ends included.</summary>
    public void Write(string @namespace, string pod, string container, string text)
    {
        lock (store.Gate)
        {
            if (!_said.TryGetValue((@namespace, pod, container), out var said))
            {
                _said[(@namespace, pod, container)] = said = [];
            }

            said.Add((time.GetUtcNow(), text));
        }

        store.Wake();
    }

    public async Task AnswerAsync(Call call)
    {
        var (ns, name) = (call.Namespace!, call.Name!);
        string container;
        lock (store.Gate)
        {
            var pod = store.Find(new("pods", ns, name)) ?? throw Refusal.NotFound(call.Kind, name);
            if (call.Query("stream") is not (null or "All"))
            {
                throw Refusal.Invalid(
                    $"PodLogOptions \"{name}\"",
                    new() { ["name"] = name, ["kind"] = "PodLogOptions" },
                    [new("stream", "FieldValueForbidden", "Forbidden: may not be specified")]
                );
            }

            container = Choose(pod, call.Query("container"));
            CheckStarted(pod, container, call.Query("previous") == "true");
        }

        call.Context.Response.ContentType = "text/plain";
        await call.Context.Response.Body.FlushAsync(call.Context.RequestAborted);
        var sent = 0;
        var bytes = int.TryParse(call.Query("limitBytes"), NumberStyles.None, CultureInfo.InvariantCulture, out var limit)
            ? limit
            : int.MaxValue;
        while (true)
        {
            var grown = store.Grown;
            var ended = store.Find(new("pods", ns, name)) is not { } now || State(now, container)?.ContainsKey("terminated") == true;
            var text = Text(call, ns, name, container);
            var whole = Encoding.UTF8.GetBytes(text);
            var length = Math.Min(whole.Length, bytes);
            await call.Context.Response.Body.WriteAsync(whole.AsMemory(sent, length - sent), call.Context.RequestAborted);
            await call.Context.Response.Body.FlushAsync(call.Context.RequestAborted);
            sent = length;
            if (ended || call.Query("follow") != "true")
            {
                return;
            }

            await grown.WaitAsync(call.Context.RequestAborted);
        }
    }

    private string Text(Call call, string ns, string pod, string container)
    {
        List<(DateTimeOffset At, string Text)> said;
        lock (store.Gate)
        {
            said = [.. _said.GetValueOrDefault((ns, pod, container), [])];
        }

        if (int.TryParse(call.Query("sinceSeconds"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            var first = time.GetUtcNow() - TimeSpan.FromSeconds(seconds);
            said.RemoveAll(s => s.At < first);
        }

        if (call.Query("timestamps") == "true")
        {
            said = [.. said.Select(s => (s.At, s.At.ToString("yyyy-MM-ddTHH:mm:ss.fffffff00Z ", CultureInfo.InvariantCulture) + s.Text))];
        }

        if (int.TryParse(call.Query("tailLines"), NumberStyles.None, CultureInfo.InvariantCulture, out var lines))
        {
            said = [.. said.Skip(Math.Max(0, said.Count - lines))];
        }

        return string.Concat(said.Select(s => s.Text));
    }

    private static string Choose(JsonObject pod, string? wanted)
    {
        var (first, main) = (
            pod.Items("spec", "initContainers").Select(c => c.Text("name")!).ToList(),
            pod.Items("spec", "containers").Select(c => c.Text("name")!).ToList()
        );
        return wanted is null
            ? main is [var only]
                ? only
                : throw Refusal.BadRequest(
                    $"a container name must be specified for pod {pod.Name()}, choose one of: [{string.Join(' ', first.Concat(main))}]"
                )
            : first.Concat(main).Contains(wanted)
                ? wanted
                : throw Refusal.BadRequest($"container {wanted} is not valid for pod {pod.Name()}");
    }

    private static void CheckStarted(JsonObject pod, string container, bool previous)
    {
        if (previous)
        {
            throw Refusal.BadRequest($"previous terminated container \"{container}\" in pod \"{pod.Name()}\" not found");
        }

        var state = State(pod, container);
        if (state is null || state.ContainsKey("waiting"))
        {
            var why = state.Text("waiting", "reason") switch
            {
                "ErrImagePull" or "ImagePullBackOff" => "trying and failing to pull image",
                { } reason => reason,
                null => "ContainerCreating",
            };
            throw Refusal.BadRequest($"container \"{container}\" in pod \"{pod.Name()}\" is waiting to start: {why}");
        }
    }

    private static JsonObject? State(JsonObject pod, string container) =>
        pod.Items("status", "initContainerStatuses")
            .Concat(pod.Items("status", "containerStatuses"))
            .FirstOrDefault(c => c.Text("name") == container)
            ?["state"] as JsonObject;
}
