using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Handles the API's requests: authentication, routing, and the verb.</summary>
internal sealed class ApiServer(
    Store store,
    Writing writing,
    Reading reading,
    Deleting deleting,
    Watching watching,
    PodLogs logs,
    Faults faults
)
{
    private readonly ConcurrentDictionary<string, int> _requests = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, int> Requests => _requests;

    private readonly ConcurrentDictionary<string, bool> _rights = new(StringComparer.Ordinal);

    /// <summary>The rights that callers needed, such as <c>batch/jobs create</c>.</summary>
    public IReadOnlyCollection<string> Rights => [.. _rights.Keys];

    public async Task AnswerAsync(HttpContext context)
    {
        try
        {
            var user = Access.User(context.Request.Headers.Authorization) ?? throw new Refusal(401, "Unauthorized", "Unauthorized");
            if (context.Request.Method == "GET" && Discovery.Find(context.Request.Path.Value!) is { } document)
            {
                context.Response.ContentType = "application/json";
                await context.Response.WriteAsync(document.ToJsonString());
                return;
            }

            var call = Call.Parse(context);
            _rights[$"{call.Kind.Group}/{call.Kind.Plural}{(call.Subresource is null ? "" : "/" + call.Subresource)} {call.Verb}"] = true;
            var request = $"{context.Request.Method} {call.Kind.Plural}{(call.IsWatch ? " watch" : "")}";
            var count = _requests.AddOrUpdate(request, 1, (_, n) => n + 1);
            if (faults.Before is { } before)
            {
                // A request takes effect even when its client has given up meanwhile.
                var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                (body.Position, context.Request.Body) = (0, body);
                await before(request);
            }

            faults.Throttle();
            Access.Check(call, user);
            call.CheckAccept();
            await AnswerAsync(call, user, count);
        }
        catch (Refusal refusal) when (!context.Response.HasStarted)
        {
            if (refusal.RetryAfter is { } seconds)
            {
                context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
            }

            context.Response.StatusCode = refusal.Code;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(refusal.Body.ToJsonString());
        }
    }

    private Task AnswerAsync(Call call, string user, int count) =>
        (call.Verb, call.Subresource) switch
        {
            ("get", "log") when call.Kind.Name == "Pod" => logs.AnswerAsync(call),
            ("create", "eviction") when call.Kind.Name == "Pod" => EvictAsync(call),
            (_, not null) => throw Refusal.NoSuchPath(),
            ("create", _) when call.Kind.Name == "SelfSubjectAccessReview" => ReviewAsync(call, user),
            ("create", _) when call.Name is null => CreateAsync(call, count),
            ("update", _) when call.Name is not null => ReplaceAsync(call),
            ("patch", _) when call.Name is not null => PatchAsync(call),
            ("delete", _) => DeleteAsync(call),
            ("deletecollection", _) => DeleteAllAsync(call),
            ("watch", _) => watching.AnswerAsync(call),
            ("list", _) => call.WriteAsync(200, reading.List(call)),
            ("get", _) => call.WriteAsync(
                200,
                store.Find(Writing.Key(call.Kind, call.Namespace, call.Name!)) ?? throw Refusal.NotFound(call.Kind, call.Name!)
            ),
            _ => throw new Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []),
        };

    private async Task<JsonObject> DecodeAsync(Call call)
    {
        var unknown = new List<string>();
        var made = Decoding.Read(call.Kind, await call.ReadAsync("application/json"), unknown);
        if (unknown.Count > 0 && call.Query("fieldValidation") == "Strict")
        {
            throw Refusal.Undecodable(
                call.Kind,
                $"strict decoding error: {string.Join(", ", unknown.Select(u => $"unknown field \"{u}\""))}"
            );
        }

        foreach (var field in unknown)
        {
            call.Warn($"unknown field \"{field}\"");
        }

        return made;
    }

    private async Task CreateAsync(Call call, int count)
    {
        faults.RefuseCreate();
        var made = writing.Create(call.Kind, call.Namespace, await DecodeAsync(call), call.Query("dryRun") == "All");
        foreach (var warning in call.Kind.Name == "Job" ? Validation.Warnings(made) : [])
        {
            call.Warn(warning);
        }

        if (faults.LoseAnswers > 0 && count % faults.LoseAnswers == 0)
        {
            call.Context.Abort();
            return;
        }

        if (faults.IsToHold())
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, call.Context.RequestAborted);
        }

        await call.WriteAsync(201, made);
    }

    private async Task ReplaceAsync(Call call)
    {
        var (code, made) = writing.Replace(call.Kind, call.Namespace!, call.Name!, await DecodeAsync(call));
        await call.WriteAsync(code, made);
    }

    private async Task PatchAsync(Call call)
    {
        var patch = JsonNode
            .Parse(await call.ReadAsync("application/merge-patch+json", "application/strategic-merge-patch+json"))!
            .AsObject();
        await call.WriteAsync(200, writing.Patch(call.Kind, call.Namespace!, call.Name!, patch));
    }

    private async Task DeleteAsync(Call call)
    {
        var options = await call.ReadOptionsAsync();
        if (call.Query("propagationPolicy") is { } policy)
        {
            options["propagationPolicy"] = policy;
        }

        await call.WriteAsync(200, deleting.Delete(call.Kind, call.Namespace, call.Name!, options));
    }

    private async Task DeleteAllAsync(Call call)
    {
        var options = await call.ReadOptionsAsync();
        JsonObject answer;
        lock (store.Gate)
        {
            answer = reading.List(call);
            foreach (var item in answer.Items("items").ToList())
            {
                deleting.Delete(call.Kind, call.Namespace, item.Name(), options);
            }
        }

        await call.WriteAsync(200, answer);
    }

    private async Task EvictAsync(Call call)
    {
        var eviction = await call.ReadOptionsAsync();
        deleting.Evict(call.Namespace!, call.Name!, eviction.Number("deleteOptions", "gracePeriodSeconds"));
        await call.WriteAsync(
            201,
            new()
            {
                ["kind"] = "Status",
                ["apiVersion"] = "v1",
                ["metadata"] = new JsonObject(),
                ["status"] = "Success",
                ["code"] = 201,
            }
        );
    }

    private async Task ReviewAsync(Call call, string user)
    {
        var review = await DecodeAsync(call);
        review["metadata"] = new JsonObject();
        review["status"] = new JsonObject { ["allowed"] = Access.May(user) };
        await call.WriteAsync(201, review);
    }
}
