namespace Shipinator.Grains.Coordination;

/// <summary>
/// Slot holders and the queue, without I/O. Within a project slots are granted in order of request; between projects, first to the one that
/// holds the fewest, so that a project with a thousand jobs does not block another's single job.
/// </summary>
internal sealed class AdmissionBook(int limit)
{
    private readonly Dictionary<ExecutionId, SlotHolder> _leases = [];
    private readonly Dictionary<ExecutionId, SlotHolder> _waiting = [];
    private readonly Dictionary<ProjectId, PriorityQueue<ExecutionId, (DateTimeOffset, Guid)>> _queues = [];
    private readonly Dictionary<ProjectId, int> _held = [];

    public int Limit => limit;

    public IEnumerable<SlotHolder> Leases => _leases.Values;

    public IEnumerable<SlotHolder> Waiting => _waiting.Values.OrderBy(w => w.Since).ThenBy(w => w.Execution.Value);

    public bool Holds(ExecutionId execution) => _leases.ContainsKey(execution);

    /// <summary>Adds a slot that is held already, whatever the limit: a running execution keeps its slot.</summary>
    public void Adopt(SlotHolder holder)
    {
        if (_leases.TryAdd(holder.Execution, holder))
        {
            _waiting.Remove(holder.Execution);
            _held[holder.Project] = _held.GetValueOrDefault(holder.Project) + 1;
        }
    }

    /// <summary>Joins the queue, once.</summary>
    public void Enqueue(SlotHolder request)
    {
        if (!_leases.ContainsKey(request.Execution) && _waiting.TryAdd(request.Execution, request))
        {
            if (!_queues.TryGetValue(request.Project, out var queue))
            {
                _queues[request.Project] = queue = new();
            }

            queue.Enqueue(request.Execution, (request.Since, request.Execution.Value));
        }
    }

    /// <summary>Releases a slot or leaves the queue.</summary>
    public void Remove(ExecutionId execution)
    {
        if (_leases.Remove(execution, out var lease) && --_held[lease.Project] == 0)
        {
            _held.Remove(lease.Project);
        }

        // Its entry in the project's queue is skipped when its turn comes.
        _waiting.Remove(execution);
    }

    /// <summary>Grants the free slots; returns who got one.</summary>
    public List<SlotHolder> Grant(DateTimeOffset now)
    {
        var granted = new List<SlotHolder>();
        while (_leases.Count < limit && Next() is { } next)
        {
            _waiting.Remove(next.Execution);
            Adopt(next with { Since = now });
            granted.Add(next);
        }

        return granted;
    }

    /// <summary>The number of waiting executions that requested a slot earlier; an estimate for display.</summary>
    public int Ahead(ExecutionId execution) =>
        _waiting.TryGetValue(execution, out var self) ? _waiting.Values.Count(w => w.Since < self.Since) : 0;

    private SlotHolder? Next()
    {
        SlotHolder? best = null;
        var fewest = int.MaxValue;
        foreach (var (project, queue) in _queues.ToList())
        {
            while (queue.Count > 0 && !_waiting.ContainsKey(queue.Peek()))
            {
                queue.Dequeue();
            }

            if (queue.Count == 0)
            {
                _queues.Remove(project);
                continue;
            }

            var first = _waiting[queue.Peek()];
            var held = _held.GetValueOrDefault(project);
            if (held < fewest || (held == fewest && first.Since < best!.Since))
            {
                (best, fewest) = (first, held);
            }
        }

        return best;
    }
}
