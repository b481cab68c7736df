using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Orleans.Serialization;
using Orleans.Storage;

namespace Shipinator.Grains.Coordination;

/// <summary>The stored state of a repository's coordinator.</summary>
[GenerateSerializer, Alias("shipinator.repository-state")]
public sealed class RepositoryState
{
    /// <summary>The last assigned run number.</summary>
    [Id(0)]
    public long LastNumber { get; set; }

    /// <summary>Idempotency keys of the last 24 h, with their runs.</summary>
    [Id(1)]
    public Dictionary<string, KnownKey> Keys { get; set; } = [];

    /// <summary>Concurrency groups that are in use, by name.</summary>
    [Id(2)]
    public Dictionary<string, ConcurrencyGroup> Groups { get; set; } = [];
}

/// <summary>An idempotency key, and the run that was created with it.</summary>
[GenerateSerializer, Alias("shipinator.known-key")]
public sealed class KnownKey
{
    [Id(0)]
    public Guid Run { get; set; }

    [Id(1)]
    public long Number { get; set; }

    /// <summary>Identifies the request that the key was used for.</summary>
    [Id(2)]
    public string Fingerprint { get; set; } = "";

    /// <summary>When the key was first used.</summary>
    [Id(3)]
    public DateTimeOffset At { get; set; }
}

/// <summary>A concurrency group: at most one of its runs is active at a time.</summary>
[GenerateSerializer, Alias("shipinator.concurrency-group")]
public sealed class ConcurrencyGroup
{
    /// <summary>The run whose turn it is.</summary>
    [Id(0)]
    public GroupMember? Holder { get; set; }

    /// <summary>The runs that wait, by run number.</summary>
    [Id(1)]
    public List<GroupMember> Waiting { get; set; } = [];

    /// <summary>Superseded runs, with the number of the newer one.</summary>
    [Id(2)]
    public Dictionary<Guid, long> Superseded { get; set; } = [];
}

/// <summary>A run in a group.</summary>
[GenerateSerializer, Alias("shipinator.group-member"), Immutable]
public sealed record GroupMember([property: Id(0)] Guid Run, [property: Id(1)] long Number);

/// <summary>Run numbers, idempotency keys and turns of one repository.</summary>
[GrainType("shipinator.repository")]
public sealed partial class RepositoryGrain(
    [PersistentState("shipinator.repository", StorageNames.Coordinators)] IPersistentState<RepositoryState> state,
    DeepCopier<RepositoryState> copier,
    TimeProvider time,
    ILogger<RepositoryGrain> logger
) : Grain, IRepositoryGrain
{
    private static readonly TimeSpan KeyLife = TimeSpan.FromHours(24);
    private const int MaxKeys = 2000;

    /// <inheritdoc/>
    public async Task<RunReservation> Reserve(string? idempotencyKey, string fingerprint, CancellationToken cancellationToken = default)
    {
        if (Known(idempotencyKey, fingerprint) is { } known)
        {
            return known;
        }

        var run = RunId.New(time);
        var number = state.State.LastNumber + 1;
        await SaveAsync(s =>
        {
            s.LastNumber = number;
            if (idempotencyKey is not null)
            {
                Forget(s);
                s.Keys[idempotencyKey] = new()
                {
                    Run = run.Value,
                    Number = number,
                    Fingerprint = fingerprint,
                    At = time.GetUtcNow(),
                };
            }
        });
        return new(run, number, IsRepeat: false);
    }

    /// <inheritdoc/>
    public Task<NextRun> FindRun(string? idempotencyKey, string fingerprint, CancellationToken cancellationToken = default) =>
        Task.FromResult(new NextRun(Known(idempotencyKey, fingerprint), state.State.LastNumber + 1));

    /// <inheritdoc/>
    public async Task<TurnResponse> RequestTurn(TurnRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var group = state.State.Groups.GetValueOrDefault(request.Group);
        var self = new GroupMember(request.Run.Value, request.RunNumber);
        if (group is null || (group.Holder != self && !group.Waiting.Contains(self) && !group.Superseded.ContainsKey(self.Run)))
        {
            var superseded = new List<GroupMember>();
            await SaveAsync(s => superseded = Enter(s, request, self));
            group = state.State.Groups[request.Group];
            foreach (var member in superseded)
            {
                await NotifyAsync(member);
            }
        }

        if (group.Superseded.TryGetValue(self.Run, out var newer))
        {
            var superseded = WaitReason.SupersededBy(request.Group, newer);
            return new(group.Holder == self, superseded.Describe(), newer, superseded);
        }

        if (group.Holder == self)
        {
            return new(Granted: true, null, null);
        }

        // A holder that has ended, and could not leave the group, leaves it now.
        await NotifyAsync(group.Holder!);
        var ahead = group.Waiting.TakeWhile(m => m != self).Count();
        var turn = WaitReason.RepositoryTurn(request.Group, group.Holder!.Number, ahead);
        return new(Granted: false, turn.Describe(), null, turn);
    }

    /// <inheritdoc/>
    public async Task Leave(RunId run, string group, CancellationToken cancellationToken = default)
    {
        if (
            !state.State.Groups.TryGetValue(group, out var current)
            || (
                current.Holder?.Run != run.Value
                && current.Waiting.All(m => m.Run != run.Value)
                && !current.Superseded.ContainsKey(run.Value)
            )
        )
        {
            return;
        }

        GroupMember? next = null;
        await SaveAsync(s =>
        {
            var changed = s.Groups[group];
            changed.Waiting.RemoveAll(m => m.Run == run.Value);
            changed.Superseded.Remove(run.Value);
            if (changed.Holder?.Run == run.Value)
            {
                next = changed.Holder = changed.Waiting.FirstOrDefault();
                if (next is not null)
                {
                    changed.Waiting.RemoveAt(0);
                }
            }

            if (changed.Holder is null && changed.Superseded.Count == 0)
            {
                s.Groups.Remove(group);
            }
        });
        if (next is not null)
        {
            await NotifyAsync(next);
        }
    }

    /// <summary>The reservation of a key; null when the key is unknown.</summary>
    private RunReservation? Known(string? idempotencyKey, string fingerprint)
    {
        if (
            idempotencyKey is null
            || !state.State.Keys.TryGetValue(idempotencyKey, out var known)
            || time.GetUtcNow() - known.At >= KeyLife
        )
        {
            return null;
        }

        return known.Fingerprint == fingerprint
            ? new(new(known.Run), known.Number, IsRepeat: true)
            : throw new ConflictException(
                "idempotency_key_reused",
                $"The Idempotency-Key '{idempotencyKey}' was used for another request within the last 24 h; use a new key."
            );
    }

    /// <summary>Puts a run into its group; returns the older ones that it supersedes.</summary>
    private static List<GroupMember> Enter(RepositoryState s, TurnRequest request, GroupMember self)
    {
        if (!s.Groups.TryGetValue(request.Group, out var group))
        {
            s.Groups[request.Group] = group = new();
        }

        var superseded = new List<GroupMember>();
        if (request.CancelPrevious)
        {
            superseded.AddRange(group.Waiting.Where(m => m.Number < self.Number));
            if (group.Holder is { } holder && holder.Number < self.Number)
            {
                superseded.Add(holder);
            }

            superseded.RemoveAll(m => group.Superseded.ContainsKey(m.Run));
            superseded.ForEach(m => group.Superseded[m.Run] = self.Number);
            group.Waiting.RemoveAll(m => group.Superseded.ContainsKey(m.Run));
        }

        if (group.Holder is null)
        {
            group.Holder = self;
        }
        else
        {
            group.Waiting.Add(self);
            group.Waiting.Sort((a, b) => a.Number.CompareTo(b.Number));
        }

        return superseded;
    }

    private void Forget(RepositoryState s)
    {
        var now = time.GetUtcNow();
        foreach (
            var key in s
                .Keys.Where(k => now - k.Value.At >= KeyLife)
                .Select(k => k.Key)
                .Concat(s.Keys.OrderByDescending(k => k.Value.At).Skip(MaxKeys - 1).Select(k => k.Key))
                .ToList()
        )
        {
            s.Keys.Remove(key);
        }
    }

    /// <summary>
    /// Changes a copy and writes it. When the write fails no caller sees the change and the grain deactivates; until then its outdated ETag
    /// prevents further writes.
    /// </summary>
    private async Task SaveAsync(Action<RepositoryState> change)
    {
        var before = state.State;
        state.State = copier.Copy(before);
        change(state.State);
        try
        {
            await state.WriteStateAsync();
        }
        catch (Exception e)
        {
            state.State = before;
            DeactivateOnIdle();
            var cause = OwnError.Unwrap(e);
            ExceptionDispatchInfo.Throw(
                cause is InconsistentStateException
                    ? new StorageUnavailableException(
                        $"Repository {this.GetPrimaryKey()} was written by another activation; it will be reloaded. Retry the call."
                    )
                    : cause
            );
            throw;
        }
    }

    /// <summary>Sends a hint; a waiting run also polls, which notifies the holder again.</summary>
    private async Task NotifyAsync(GroupMember member)
    {
        try
        {
            await GrainFactory.GetGrain<IPipelineRunGrain>(member.Run).TurnChanged();
        }
        catch (OrleansException e)
        {
            NotifyFailed(member.Number, this.GetPrimaryKey(), e.Message);
        }
    }

    [LoggerMessage(1205, LogLevel.Debug, "Run #{Number} of repository {Repository} could not be notified of its turn: {Message}")]
    private partial void NotifyFailed(long number, Guid repository, string message);
}
