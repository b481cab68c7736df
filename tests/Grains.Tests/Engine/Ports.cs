using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Shipinator.Grains.Tests.Engine;

internal sealed class SealedLogs : ILogStore
{
    private readonly ConcurrentDictionary<ExecutionId, TaskCompletionSource> _sealing = new();

    public ConcurrentDictionary<ExecutionId, bool> Sealed { get; } = new();

    /// <summary>The error with which sealing a log fails; null: it succeeds.</summary>
    public Func<ExecutionId, Exception?> Refuses { get; set; } = _ => null;

    /// <summary>Ends when the log is sealed.</summary>
    public Task WhenSealed(ExecutionId execution) => Sealing(execution).Task.WaitAsync(EngineCluster.Patience);

    public Task<long> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        CancellationToken cancellationToken
    ) => Task.FromResult(offset + bytes.Length);

    public Task<LogAppended> Append(
        ExecutionId execution,
        long offset,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<LogTime> times,
        LogRules rules,
        CancellationToken cancellationToken
    ) => Task.FromResult(new LogAppended(offset + bytes.Length, IsFull: false));

    public Task Seal(ExecutionId execution, CancellationToken cancellationToken)
    {
        if (Refuses(execution) is { } error)
        {
            return Task.FromException(error);
        }

        Sealed[execution] = true;
        Sealing(execution).TrySetResult();
        return Task.CompletedTask;
    }

    private TaskCompletionSource Sealing(ExecutionId execution) =>
        _sealing.GetOrAdd(execution, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    public Task<LogInfo> Info(ExecutionId execution, CancellationToken cancellationToken) =>
        Task.FromResult(new LogInfo(0, Sealed.ContainsKey(execution)));

    public Task<int> Read(ExecutionId execution, long offset, Memory<byte> buffer, CancellationToken cancellationToken) =>
        Task.FromResult(0);

    public Task<IReadOnlyList<LogTime>> Times(ExecutionId execution, long from, long to, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<LogTime>>([]);

    public Task WaitForMore(ExecutionId execution, long length, CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Knows one secret, <c>TOKEN</c>.</summary>
internal sealed class OneSecret : ISecretSource
{
    public Task<ResolvedSecrets> Resolve(SecretRequest request, CancellationToken cancellationToken) =>
        Task.FromResult(
            request.Origin.IsFork
                ? ResolvedSecrets.None with
                {
                    Withheld = [.. request.Names],
                }
                : new ResolvedSecrets(
                    request.Names.Where(n => n == "TOKEN").ToImmutableDictionary(n => n, _ => "value"),
                    [.. request.Names.Where(n => n != "TOKEN").Select(n => new DeniedSecret(n, $"{n} is not set."))],
                    []
                )
        );

    public Task<IReadOnlyCollection<string>> ValuesToMask(SecretRequest request, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyCollection<string>>(["value"]);
}

internal sealed class TestAddress : IServerAddress
{
    public Uri PublicUrl { get; } = new("http://ci.example/");

    public Uri RunnerUrl { get; } = new("http://ci.example/");
}
