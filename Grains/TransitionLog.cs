using System.Collections.Immutable;

namespace Shipinator.Grains;

/// <summary>The transitions of one change of a row. The pure <c>*Logic</c> classes move every <see cref="Lifecycle"/> through it.</summary>
internal sealed class TransitionLog(RunId run, DateTimeOffset now, string actor)
{
    private readonly ImmutableArray<Transition>.Builder _transitions = ImmutableArray.CreateBuilder<Transition>();

    public DateTimeOffset Now => now;

    public ImmutableArray<Transition> Transitions => _transitions.ToImmutable();

    public Lifecycle Begin(Machine machine, Guid id)
    {
        var life = Lifecycle.Begin(machine, now);
        _transitions.Add(Transition.Between(null, life, id, run, actor)!);
        return life;
    }

    public Lifecycle Move(Lifecycle life, Guid id, Status to, Reason? reason = null, string? detail = null)
    {
        var next = life.MoveTo(to, now, reason, detail);
        if (Transition.Between(life, next, id, run, actor) is { } transition)
        {
            _transitions.Add(transition);
        }

        return next;
    }
}
