namespace Shipinator;

/// <summary>
/// The lifecycle of one run, job, step or execution: its status, with reason, detail and times. It can be created and changed only
/// through the machine's table, so that no part of the system can have a state that the table does not allow.
/// </summary>
[GenerateSerializer, Alias("shipinator.lifecycle"), Immutable]
public sealed record Lifecycle
{
    [Id(0)]
    private readonly Machine _machine;

    [Id(1)]
    private readonly Status _status;

    [Id(2)]
    private readonly Reason? _reason;

    [Id(3)]
    private readonly string? _detail;

    [Id(4)]
    private readonly DateTimeOffset _createdAt;

    [Id(5)]
    private readonly DateTimeOffset? _startedAt;

    [Id(6)]
    private readonly DateTimeOffset? _finishedAt;

    [Id(7)]
    private readonly int _sequence;

    [Id(8)]
    private readonly DateTimeOffset _changedAt;

    private Lifecycle(
        Machine machine,
        Status status,
        Reason? reason,
        string? detail,
        DateTimeOffset createdAt,
        DateTimeOffset? startedAt,
        DateTimeOffset? finishedAt,
        DateTimeOffset changedAt,
        int sequence
    )
    {
        _machine = machine;
        _status = status;
        _reason = reason;
        _detail = detail;
        _createdAt = createdAt;
        _startedAt = startedAt;
        _finishedAt = finishedAt;
        _changedAt = changedAt;
        _sequence = sequence;
    }

    public Machine Machine => _machine;

    public Status Status => _status;

    /// <summary>Why it is in this state; null for states that need no reason.</summary>
    public Reason? Reason => _reason;

    /// <summary>The detail for <see cref="Reason"/>.</summary>
    public string? Detail => _detail;

    public DateTimeOffset CreatedAt => _createdAt;

    /// <summary>When it became <see cref="Status.Running"/>.</summary>
    public DateTimeOffset? StartedAt => _startedAt;

    /// <summary>When it became terminal.</summary>
    public DateTimeOffset? FinishedAt => _finishedAt;

    /// <summary>When the last transition happened.</summary>
    public DateTimeOffset ChangedAt => _changedAt;

    /// <summary>The sequence number of the last transition; 1 is the creation.</summary>
    public int Sequence => _sequence;

    /// <summary>Whether no transition can follow.</summary>
    public bool IsTerminal => _status.IsTerminal();

    /// <summary>A new lifecycle in <see cref="Status.Pending"/>.</summary>
    public static Lifecycle Begin(Machine machine, DateTimeOffset at) =>
        new(machine, Status.Pending, null, null, at, null, null, at, sequence: 1);

    /// <summary>A lifecycle as stored in the database. For the storage only.</summary>
    public static Lifecycle Restore(
        Machine machine,
        Status status,
        Reason? reason,
        string? detail,
        DateTimeOffset createdAt,
        DateTimeOffset? startedAt,
        DateTimeOffset? finishedAt,
        DateTimeOffset changedAt,
        int sequence
    ) => new(machine, status, reason, detail, createdAt, startedAt, finishedAt, changedAt, sequence);

    /// <summary>
    /// The lifecycle after a transition; unchanged for a transition to the same state, whatever its reason. Errors:
    /// <see cref="TransitionRefusedException"/> when the table does not allow it.
    /// </summary>
    public Lifecycle MoveTo(Status to, DateTimeOffset at, Reason? reason = null, string? detail = null)
    {
        if (to == _status)
        {
            return this;
        }

        if (!StateMachines.Allows(_machine, _status, to))
        {
            throw new TransitionRefusedException(_machine, _status, to);
        }

        // Clocks of two machines may differ: times never go backwards.
        var moment = at < _changedAt ? _changedAt : at;
        return new(
            _machine,
            to,
            reason,
            detail,
            _createdAt,
            to == Status.Running ? moment : _startedAt,
            to.IsTerminal() ? moment : null,
            moment,
            _sequence + 1
        );
    }

    /// <summary>
    /// Applies one stored transition to the lifecycle so far; null before the first. Errors: <see cref="InvalidInputException"/>
    /// <c>history_broken</c> when the transition is not the next one, <see cref="TransitionRefusedException"/> when the table does not
    /// allow it.
    /// </summary>
    public static Lifecycle Fold(Lifecycle? life, Transition transition)
    {
        ArgumentNullException.ThrowIfNull(transition);
        var follows = life is null
            ? transition is { From: null, To: Status.Pending, Sequence: 1 }
            : transition.Machine == life.Machine && transition.From == life.Status && transition.Sequence == life.Sequence + 1;
        if (!follows)
        {
            throw new InvalidInputException(
                "history_broken",
                $"Transition {transition.Sequence} of {transition.Machine.Word()} {transition.EntityId} "
                    + $"({transition.From?.Word() ?? "nothing"} → {transition.To.Word()}) is not the next one: "
                    + (
                        life is null
                            ? "it must be transition 1 (nothing → pending)."
                            : $"it must follow transition {life.Sequence} ({life.Status.Word()})."
                    )
            );
        }

        return life is null
            ? Begin(transition.Machine, transition.At)
            : life.MoveTo(transition.To, transition.At, transition.Reason, transition.Detail);
    }
}
