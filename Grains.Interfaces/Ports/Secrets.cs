namespace Shipinator;

/// <summary>The secrets that a step names, and what its run is for.</summary>
/// <param name="Project">The run's project.</param>
/// <param name="Repository">The run's repository.</param>
/// <param name="Names">The names.</param>
/// <param name="Origin">What the run is for.</param>
public sealed record SecretRequest(ProjectId Project, RepositoryId Repository, IReadOnlyCollection<string> Names, RunOrigin Origin)
{
    /// <summary>What an execution asks for.</summary>
    public static SecretRequest Of(ExecutionSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return new(spec.Worker.ProjectId, spec.Worker.RepositoryId, spec.Secrets, spec.Origin ?? new() { Event = "" });
    }
}

/// <summary>A secret that a step names and does not get.</summary>
/// <param name="Name">The name.</param>
/// <param name="Why">A sentence that says why, and the fix.</param>
public sealed record DeniedSecret(string Name, string Why);

/// <summary>The secrets of a step.</summary>
/// <param name="Values">Those that it gets.</param>
/// <param name="Denied">Those that it needs and does not get: it must not run.</param>
/// <param name="Withheld">Names of those that it runs without, because its run is of a fork.</param>
public sealed record ResolvedSecrets(
    IReadOnlyDictionary<string, string> Values,
    IReadOnlyList<DeniedSecret> Denied,
    IReadOnlyList<string> Withheld
)
{
    /// <summary>The variable with the names of the secrets that a step of a fork runs without, separated by commas.</summary>
    public const string WithheldVariable = "CI_SECRETS_WITHHELD";

    /// <summary>Nothing asked for, nothing given.</summary>
    public static ResolvedSecrets None { get; } = new(new Dictionary<string, string>(), [], []);

    /// <summary>Why the step can't run; null when it can.</summary>
    public string? Problem(string step) =>
        Denied.Count == 0 ? null : $"Step {step} can't get its secrets. {string.Join(' ', Denied.Select(d => d.Why))}";
}

/// <summary>Secret values; given only in the response to a claim.</summary>
public interface ISecretSource
{
    /// <summary>The secrets that a step gets now. A run of a fork never gets one.</summary>
    Task<ResolvedSecrets> Resolve(SecretRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Every value that a step which made this request at any time may have been given: current ones and those before them. What the
    /// server masks.
    /// </summary>
    Task<IReadOnlyCollection<string>> ValuesToMask(SecretRequest request, CancellationToken cancellationToken);
}
