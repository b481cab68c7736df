using System.Collections.Concurrent;

namespace Shipinator.Testing.Forges;

/// <summary>What a user may do in a repository.</summary>
internal enum FakeAccess
{
    None,
    Read,
    Write,
    Admin,
}

/// <summary>A user of a forge.</summary>
internal sealed record FakeUser(long Id, string Login)
{
    private readonly ConcurrentDictionary<long, FakeAccess> _access = new();

    /// <summary>What the token may do at most, whatever its user may.</summary>
    public FakeAccess TokenLimit { get; set; } = FakeAccess.Admin;

    /// <summary>Whether the token may read its user.</summary>
    public bool ReadsUser { get; set; } = true;

    public FakeUser Grant(FakeRepository repository, FakeAccess access)
    {
        _access[repository.Id] = access;
        return this;
    }

    public FakeAccess AccessTo(FakeRepository repository)
    {
        var own = _access.GetValueOrDefault(repository.Id);
        var most = own < TokenLimit ? own : TokenLimit;
        return most == FakeAccess.None && !repository.IsPrivate ? FakeAccess.Read : most;
    }
}

/// <summary>A commit status that was posted.</summary>
internal sealed record FakeStatus(string Commit, string State, string Context, string Description, string TargetUrl, string Login);

/// <summary>A webhook.</summary>
internal sealed record FakeHook(
    long Id,
    string Type,
    string Url,
    string ContentType,
    string? Secret,
    IReadOnlyList<string> Events,
    bool Active
);

/// <summary>A pull request with its files, each with its former name when it was renamed.</summary>
internal sealed record FakePull(int Number, string BaseCommit, string HeadCommit, IReadOnlyList<(string Name, string? Former)> Files);

/// <summary>A repository, with everything that was posted to it.</summary>
internal sealed class FakeRepository(long id, string fullName, bool isPrivate, string page)
{
    private readonly Lock _lock = new();
    private readonly List<FakeStatus> _statuses = [];
    private readonly List<(Func<FakeStatus, bool> Wanted, TaskCompletionSource<FakeStatus> Found)> _waiting = [];

    public long Id { get; } = id;

    public string FullName { get; set; } = fullName;

    public bool IsPrivate { get; } = isPrivate;

    public string Page { get; } = page;

    /// <summary>The full ids of the commits that the API knows.</summary>
    public ConcurrentDictionary<string, byte> Commits { get; } = new();

    public ConcurrentDictionary<int, FakePull> Pulls { get; } = new();

    /// <summary>The files of comparisons, by <c>BASE...HEAD</c>.</summary>
    public ConcurrentDictionary<string, IReadOnlyList<string>> Comparisons { get; } = new();

    /// <summary>The webhooks, oldest first.</summary>
    public IReadOnlyList<FakeHook> Hooks { get; private set; } = [];

    /// <summary>The statuses that were posted, oldest first.</summary>
    public IReadOnlyList<FakeStatus> Statuses
    {
        get
        {
            lock (_lock)
            {
                return [.. _statuses];
            }
        }
    }

    /// <summary>The first status, posted already or later, that is wanted.</summary>
    public Task<FakeStatus> StatusAsync(Func<FakeStatus, bool> wanted)
    {
        lock (_lock)
        {
            if (_statuses.FirstOrDefault(wanted) is { } found)
            {
                return Task.FromResult(found);
            }

            var later = new TaskCompletionSource<FakeStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((wanted, later));
            return later.Task;
        }
    }

    public void Post(FakeStatus status)
    {
        lock (_lock)
        {
            _statuses.Add(status);
            foreach (var (_, found) in _waiting.Where(w => w.Wanted(status)))
            {
                found.TrySetResult(status);
            }
        }
    }

    public void AddHook(FakeHook hook)
    {
        lock (_lock)
        {
            Hooks = [.. Hooks, hook];
        }
    }

    public bool RemoveHook(long id)
    {
        lock (_lock)
        {
            var before = Hooks.Count;
            Hooks = [.. Hooks.Where(h => h.Id != id)];
            return Hooks.Count < before;
        }
    }

    public void ReplaceHook(FakeHook hook)
    {
        lock (_lock)
        {
            Hooks = [.. Hooks.Select(h => h.Id == hook.Id ? hook : h)];
        }
    }
}
