using System.Collections.Immutable;

namespace Shipinator.Schema.Storage;

/// <summary>A queued write of one grain. The caller serializes the JSON before it waits.</summary>
internal abstract class PendingWrite(string what, int expected, ImmutableArray<Transition> transitions, UnsettledRow? unsettled = null)
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The row's name in errors.</summary>
    public string What => what;

    /// <summary>The version that the grain has read; 0: there was no row.</summary>
    public int Expected => expected;

    /// <summary>Completes when the write is durable or has failed.</summary>
    public Task Done => _done.Task;

    public void Succeed() => _done.TrySetResult();

    public void Fail(Exception error) => _done.TrySetException(error);

    /// <summary>Adds all rows of the write to a batch.</summary>
    public void AddTo(BatchRows rows)
    {
        AddRows(rows);
        rows.Transitions.AddRange(transitions);
        if (unsettled is not null)
        {
            rows.Unsettled.Add(unsettled);
        }
    }

    protected abstract void AddRows(BatchRows rows);
}

/// <summary>The rows of a batch, by table.</summary>
internal sealed class BatchRows
{
    public List<RunRow> FirstRuns { get; } = [];

    public List<RunRow> NextRuns { get; } = [];

    public List<JobRow> FirstJobs { get; } = [];

    public List<JobRow> NextJobs { get; } = [];

    public List<StepRow> Steps { get; } = [];

    public List<ExecutionRow> FirstExecutions { get; } = [];

    public List<ExecutionRow> NextExecutions { get; } = [];

    public List<Transition> Transitions { get; } = [];

    public List<UnsettledRow> Unsettled { get; } = [];

    public List<Guid> Settled { get; } = [];

    /// <summary>The runs whose readers are notified.</summary>
    public HashSet<RunId> Changed { get; } = [];
}

/// <summary>A run; its first write adds the rows of its jobs and steps.</summary>
internal sealed class RunWrite : PendingWrite
{
    private readonly RunRow _row;
    private readonly InitialRows? _initial;

    public RunWrite(
        RunRecord record,
        int expected,
        ImmutableArray<JobRecord> initialJobs,
        ImmutableArray<Transition> transitions,
        bool unsettled
    )
        : base($"run {record.Id}", expected, transitions, unsettled ? new(record.Id.Value, Machine.Run) : null)
    {
        _row =
            expected == 0
                ? new(record, expected, PlanJson.Serialize(record.Plan), PlanJson.Serialize(record.Jobs))
                : new(record, expected, "", "");
        _initial = expected == 0 ? InitialRows.Of(record, initialJobs) : null;
    }

    protected override void AddRows(BatchRows rows)
    {
        (Expected == 0 ? rows.FirstRuns : rows.NextRuns).Add(_row);
        rows.Changed.Add(_row.Record.Id);
        if (_initial is { } initial)
        {
            rows.FirstJobs.AddRange(initial.Jobs);
            rows.Steps.AddRange(initial.Steps);
        }
    }
}

/// <summary>A write of a job and its steps.</summary>
internal sealed class JobWrite(JobRecord record, int expected, ImmutableArray<Transition> transitions, bool unsettled)
    : PendingWrite($"job {record.Id}", expected, transitions, unsettled ? new(record.Id.Value, Machine.Job) : null)
{
    private readonly JobRow _row = new(record, expected, 0, expected == 0 ? PlanJson.Serialize(record.Spec) : "");
    private readonly List<StepRow> _steps = InitialRows.StepRows(record);

    protected override void AddRows(BatchRows rows)
    {
        (Expected == 0 ? rows.FirstJobs : rows.NextJobs).Add(_row);
        rows.Steps.AddRange(_steps);
        rows.Changed.Add(_row.Record.Spec.RunId);
    }
}

/// <summary>A write of an execution.</summary>
internal sealed class ExecutionWrite(ExecutionRecord record, int expected, ImmutableArray<Transition> transitions, bool unsettled)
    : PendingWrite($"execution {record.Id}", expected, transitions, unsettled ? new(record.Id.Value, Machine.Execution) : null)
{
    private readonly ExecutionRow _row = new(record, expected, expected == 0 ? PlanJson.Serialize(record.Spec) : "");

    protected override void AddRows(BatchRows rows)
    {
        (Expected == 0 ? rows.FirstExecutions : rows.NextExecutions).Add(_row);
        rows.Changed.Add(_row.Record.Spec.Worker.RunId);
    }
}

/// <summary>Removes the mark of an unsettled end. It has no version and notifies no reader.</summary>
internal sealed class SettledWrite(Guid id) : PendingWrite($"the settled mark of {id}", 0, [])
{
    protected override void AddRows(BatchRows rows) => rows.Settled.Add(id);
}
