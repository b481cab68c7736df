using System.Text;
using Shipinator.Forges.Configuration;
using Shipinator.Globbing;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Secrets;

/// <summary>
/// The secrets of steps: that of the repository, else that of its project, else that of the configuration. The first that exists decides,
/// also by its limits: a run that may not have a repository's secret does not get the project's instead.
/// </summary>
public sealed class StoredSecrets(SecretStore store, SecretVault vault, ConfigurationSecrets configuredSecrets) : ISecretSource
{
    /// <inheritdoc/>
    public async Task<ResolvedSecrets> Resolve(SecretRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Origin.IsFork)
        {
            return ResolvedSecrets.None with { Withheld = [.. request.Names] };
        }

        var rows = await RowsAsync(request, superseded: false, cancellationToken);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var denied = new List<DeniedSecret>();
        foreach (var name in request.Names.Distinct(StringComparer.Ordinal))
        {
            var row = rows.Where(r => r.Info.Name == name).OrderBy(r => r.Info.Scope.Repository is null).FirstOrDefault();
            if (row is not null && LimitOf(row.Info, request.Origin) is { } limit)
            {
                denied.Add(new(name, limit));
            }
            else if (row is not null)
            {
                try
                {
                    values[name] = Encoding.UTF8.GetString(vault.Read(row));
                }
                catch (ShipinatorException e)
                {
                    denied.Add(new(name, e.Message));
                }
            }
            else if (configuredSecrets.Find(request.Project, request.Repository, name) is { } configured)
            {
                values[name] = configured;
            }
            else
            {
                denied.Add(
                    new(
                        name,
                        $"Secret {name} is set neither for the repository, nor for its project, nor in the server's configuration "
                            + $"(Shipinator:Secrets:{name}). "
                            + $"Set it with 'shipinator secret set {name}', or remove it from the step's secrets."
                    )
                );
            }
        }

        return new(values, denied, []);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<string>> ValuesToMask(SecretRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Origin.IsFork)
        {
            return [];
        }

        // With the superseded ones, and whatever the limits are now: another server may have served the claim some time ago.
        var rows = await RowsAsync(request, superseded: true, cancellationToken);
        return
        [
            .. rows.Select(r => Encoding.UTF8.GetString(vault.Read(r))),
            .. request.Names.Select(n => configuredSecrets.Find(request.Project, request.Repository, n)).OfType<string>(),
        ];
    }

    private Task<IReadOnlyList<SecretRow>> RowsAsync(SecretRequest request, bool superseded, CancellationToken cancellationToken) =>
        request.Names.Count == 0
            ? Task.FromResult<IReadOnlyList<SecretRow>>([])
            : store.FindAsync(request.Project, request.Repository, request.Names, superseded, cancellationToken);

    /// <summary>Why a run may not have a secret; null when it may.</summary>
    private static string? LimitOf(SecretInfo info, RunOrigin origin)
    {
        var isEvent = info.Events.Count == 0 || info.Events.Contains(origin.Event, StringComparer.Ordinal);
        // The branch of a pull request is its target: who opens one decides about it, so only an owner who names the event means it.
        var isTrusted = origin.Event != "pr" || info.Events.Contains("pr", StringComparer.Ordinal);
        var isBranch =
            info.Branches.Count == 0
            || (isTrusted && origin.Branch is { } branch && info.Branches.Any(b => Glob.Compile(b, out _)?.Matches(branch) == true));
        if (isEvent && isBranch)
        {
            return null;
        }

        var limits = string.Join(
            " and ",
            new[]
            {
                info.Events.Count == 0 ? null : $"events {string.Join(", ", info.Events)}",
                info.Branches.Count == 0 ? null : $"branches {string.Join(", ", info.Branches)}",
            }.OfType<string>()
        );
        return $"Secret {info.Name} of the {info.Scope.Word} is limited to {limits}, but this run is of event '{origin.Event}' and "
            + (origin.Branch is null ? "no branch" : $"branch '{origin.Branch}'")
            + (isEvent && !isTrusted ? ", and a pull request gets it only when its events include pr" : "")
            + ". Change the limits with 'shipinator secret set', or limit the step with 'when'.";
    }
}
