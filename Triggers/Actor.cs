namespace Shipinator.Triggers;

/// <summary>What kind of actor did something.</summary>
public enum ActorKind
{
    /// <summary>An API token, used by a person or a program.</summary>
    Token,

    /// <summary>A browser session of the dashboard. It acts under the name of the API token behind it.</summary>
    Session,

    /// <summary>A schedule of a pipeline file.</summary>
    Schedule,

    /// <summary>Shipinator itself.</summary>
    System,

    /// <summary>Any other text in the history.</summary>
    Other,

    /// <summary>A user of a forge, by a webhook.</summary>
    Forge,
}

/// <summary>Who requested an operation. The history, the API and run plans contain its text (<see cref="ToString"/>).</summary>
/// <param name="Kind">The kind of actor.</param>
/// <param name="Name">The name of the token or the schedule, or the login of the forge user.</param>
/// <param name="Id">The id of the token, when it is known; it is not part of the text.</param>
public sealed record Actor(ActorKind Kind, string Name, Guid? Id = null)
{
    private const string SystemText = "system";
    private const string TokenPrefix = "token:";
    private const string SchedulePrefix = "schedule:";
    private const string ForgePrefix = "forge:";

    /// <summary>Shipinator itself.</summary>
    public static Actor System { get; } = new(ActorKind.System, SystemText);

    /// <summary>Reads the text of an actor. A session's text is that of its token, so it is read as a token.</summary>
    public static Actor Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text == SystemText ? System
            : text.StartsWith(TokenPrefix, StringComparison.Ordinal) ? new(ActorKind.Token, text[TokenPrefix.Length..])
            : text.StartsWith(SchedulePrefix, StringComparison.Ordinal) ? new(ActorKind.Schedule, text[SchedulePrefix.Length..])
            : text.StartsWith(ForgePrefix, StringComparison.Ordinal) ? new(ActorKind.Forge, text[ForgePrefix.Length..])
            : new(ActorKind.Other, text);
    }

    /// <summary><c>token:NAME</c>, <c>schedule:NAME</c>, <c>forge:LOGIN</c> or <c>system</c>: the form that is stored and sent.</summary>
    public override string ToString() =>
        Kind switch
        {
            ActorKind.Token or ActorKind.Session => TokenPrefix + Name,
            ActorKind.Schedule => SchedulePrefix + Name,
            ActorKind.Forge => ForgePrefix + Name,
            _ => Name,
        };
}
