using System.Text.Json.Serialization;

namespace Shipinator;

/// <summary>What something that is not terminal waits for: a closed set, by which it can be filtered.</summary>
[JsonConverter(typeof(WaitKindJsonConverter))]
[GenerateSerializer, Alias("shipinator.wait-kind")]
public enum WaitKind
{
    /// <summary>Only the text is known: it comes from an older silo.</summary>
    Other = 0,

    /// <summary>Unknown: the silo that runs the grain does not respond.</summary>
    Unknown = 1,

    /// <summary>What it belongs to has not started it yet.</summary>
    Start = 2,

    /// <summary>The run's turn in a concurrency group of its repository.</summary>
    RepositoryTurn = 3,

    /// <summary>Jobs or steps that come before it.</summary>
    Dependencies = 4,

    /// <summary>Its own jobs or steps, which are running.</summary>
    Children = 5,

    /// <summary>The time at which the next attempt starts.</summary>
    Retry = 6,

    /// <summary>The end of the previous attempt.</summary>
    PreviousAttempt = 7,

    /// <summary>A cancel was requested; what runs has not stopped yet.</summary>
    CancelConfirmation = 8,

    /// <summary>A slot on an executor.</summary>
    Slot = 9,

    /// <summary>An executor that responded with a transient error.</summary>
    Executor = 10,

    /// <summary>A runner that claims the execution.</summary>
    Runner = 11,

    /// <summary>A heartbeat from the runner.</summary>
    RunnerSilent = 12,

    /// <summary>A machine of the platform.</summary>
    Scheduling = 13,

    /// <summary>A container image.</summary>
    Image = 14,

    /// <summary>A container that has to start.</summary>
    Container = 15,

    /// <summary>A service of the job that has to become ready.</summary>
    Service = 16,

    /// <summary>The checkout of the source.</summary>
    Checkout = 17,

    /// <summary>The platform is about to stop it.</summary>
    Disruption = 18,

    /// <summary>The platform has to create its worker (a pod): a quota may delay that.</summary>
    Worker = 19,
}

/// <summary>Serializes kinds as their words.</summary>
public sealed class WaitKindJsonConverter : WordJsonConverter<WaitKind>;

/// <summary>
/// What something that is not terminal waits for: a kind and its arguments. Only <see cref="WaitReasonDisplay.Describe"/> formats it as
/// text.
/// </summary>
[GenerateSerializer, Alias("shipinator.wait-reason"), Immutable]
public sealed record WaitReason
{
    /// <summary>What it waits for.</summary>
    [Id(0)]
    public required WaitKind Kind { get; init; }

    /// <summary>The name of what it waits for: an executor, a group, an image, a container, a service, the names of jobs.</summary>
    [Id(1)]
    public string? Subject { get; init; }

    /// <summary>The platform's message.</summary>
    [Id(2)]
    public string? Detail { get; init; }

    /// <summary>How many are ahead in the queue; from 0.</summary>
    [Id(3)]
    public int? Ahead { get; init; }

    /// <summary>The executor's limit of concurrent executions; from 1.</summary>
    [Id(4)]
    public int? Limit { get; init; }

    /// <summary>The number of the attempt that was made or that will start; from 1.</summary>
    [Id(5)]
    public int? Attempt { get; init; }

    /// <summary>Until when or since when it waits.</summary>
    [Id(6)]
    public DateTimeOffset? At { get; init; }

    /// <summary>Who requested the cancel: <c>system</c>, or <c>token:NAME</c>.</summary>
    [Id(7)]
    public string? Actor { get; init; }

    /// <summary>The number of the run ahead.</summary>
    [Id(8)]
    public long? RunNumber { get; init; }

    /// <summary>Whether <see cref="Subject"/> names steps and not jobs.</summary>
    [Id(9)]
    public bool IsOfSteps { get; init; }

    /// <summary>Unknown: the silo that runs the grain does not respond.</summary>
    public static WaitReason Unknown { get; } = new() { Kind = WaitKind.Unknown };

    /// <summary>A runner that claims the execution.</summary>
    public static WaitReason Runner { get; } = new() { Kind = WaitKind.Runner };

    /// <summary>The checkout of the source.</summary>
    public static WaitReason Checkout { get; } = new() { Kind = WaitKind.Checkout };

    /// <summary>A reason of which only the text is known.</summary>
    public static WaitReason Other(string text) => new() { Kind = WaitKind.Other, Detail = text };

    /// <summary>
    /// What it belongs to has not started it. <paramref name="what"/> has to start first: <c>run</c>, <c>stage</c>, <c>steps</c>.
    /// </summary>
    public static WaitReason Start(string? what = null) => new() { Kind = WaitKind.Start, Subject = what };

    /// <summary>A run holds the concurrency group, and others are ahead in its queue.</summary>
    public static WaitReason RepositoryTurn(string group, long holder, int ahead) =>
        new()
        {
            Kind = WaitKind.RepositoryTurn,
            Subject = group,
            RunNumber = holder,
            Ahead = ahead,
        };

    /// <summary>A newer run superseded this one in the concurrency group.</summary>
    public static WaitReason SupersededBy(string group, long newer) =>
        new()
        {
            Kind = WaitKind.RepositoryTurn,
            Subject = group,
            RunNumber = newer,
        };

    /// <summary>The jobs before it.</summary>
    public static WaitReason EarlierJobs(IEnumerable<string> names) =>
        new() { Kind = WaitKind.Dependencies, Subject = string.Join(", ", names) };

    /// <summary>The steps before it.</summary>
    public static WaitReason EarlierSteps(IEnumerable<string> names) => EarlierJobs(names) with { IsOfSteps = true };

    /// <summary>Its own jobs.</summary>
    public static WaitReason Jobs(IEnumerable<string> names) => new() { Kind = WaitKind.Children, Subject = string.Join(", ", names) };

    /// <summary>Its own steps.</summary>
    public static WaitReason Steps(IEnumerable<string> names) => Jobs(names) with { IsOfSteps = true };

    /// <summary>The time at which an attempt starts.</summary>
    public static WaitReason Retry(int attempt, DateTimeOffset at) =>
        new()
        {
            Kind = WaitKind.Retry,
            Attempt = attempt,
            At = at,
        };

    /// <summary>The end of the previous attempt; <paramref name="why"/> there is another.</summary>
    public static WaitReason PreviousAttempt(string? why) => new() { Kind = WaitKind.PreviousAttempt, Detail = why };

    /// <summary>
    /// What has to stop: <c>jobs</c>, <c>executions</c>. Null: the executor has to confirm that nothing of the execution is running.
    /// </summary>
    public static WaitReason CancelConfirmation(CancelRequest request, string? what = null)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new()
        {
            Kind = WaitKind.CancelConfirmation,
            Subject = what,
            Actor = request.Actor,
            Detail = request.Reason.Word(),
        };
    }

    /// <summary>A slot on an executor.</summary>
    public static WaitReason Slot(string executor, int? ahead = null, int? limit = null) =>
        new()
        {
            Kind = WaitKind.Slot,
            Subject = executor,
            Ahead = ahead,
            Limit = limit,
        };

    /// <summary>An executor that responded with a transient error; <paramref name="attempt"/>: how often the submit failed.</summary>
    public static WaitReason Executor(string executor, string error, int? attempt = null) =>
        new()
        {
            Kind = WaitKind.Executor,
            Subject = executor,
            Detail = error,
            Attempt = attempt,
        };

    /// <summary>A heartbeat from the runner.</summary>
    public static WaitReason RunnerSilent(DateTimeOffset since) => new() { Kind = WaitKind.RunnerSilent, At = since };

    /// <summary>A machine of the platform.</summary>
    public static WaitReason Scheduling(string? detail = null) => new() { Kind = WaitKind.Scheduling, Detail = detail };

    /// <summary>A container image.</summary>
    public static WaitReason Image(string image, string? detail = null) =>
        new()
        {
            Kind = WaitKind.Image,
            Subject = image,
            Detail = detail,
        };

    /// <summary>A container that has to start; no name: the step's own.</summary>
    public static WaitReason Container(string? name = null, string? detail = null) =>
        new()
        {
            Kind = WaitKind.Container,
            Subject = name,
            Detail = detail,
        };

    /// <summary>A service of the job that has to become ready.</summary>
    public static WaitReason Service(string name, string? detail = null) =>
        new()
        {
            Kind = WaitKind.Service,
            Subject = name,
            Detail = detail,
        };

    /// <summary>The platform has to create its worker.</summary>
    public static WaitReason Worker(string? detail = null) => new() { Kind = WaitKind.Worker, Detail = detail };

    /// <summary>The platform is about to stop it.</summary>
    public static WaitReason Disruption(string detail) => new() { Kind = WaitKind.Disruption, Detail = detail };
}
