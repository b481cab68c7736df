using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Shipinator.Schema.Queries;

namespace Shipinator.Triggers.Runs;

/// <summary>A run that was created by this request, or by an earlier one with the same idempotency key.</summary>
/// <param name="Id">The run.</param>
/// <param name="IsRepeat">Whether it existed before this request.</param>
public sealed record TriggeredRun(RunId Id, bool IsRepeat);

/// <summary>Run numbers and idempotency keys of a repository.</summary>
public sealed partial class RunReservations(IGrainFactory grains, RunQueries runs, ILogger<RunReservations> logger)
{
    /// <summary>
    /// The run that was created with the key, or the number that the next run will probably get. Errors: as <see cref="ReserveAsync"/>.
    /// </summary>
    internal async Task<(TriggeredRun? Existing, long NextNumber)> LookUpAsync(
        RepositoryId repository,
        string? key,
        string fingerprint,
        CancellationToken cancellationToken
    )
    {
        NextRun next;
        try
        {
            next = await Grain(repository).FindRun(key, fingerprint, cancellationToken);
        }
        catch (Exception e) when (e is not (ShipinatorException or OperationCanceledException))
        {
            // The grain is on a silo of an older version without this method. Reserving detects a repeated key, too.
            LookUpFailed(repository, e.Message);
            return (null, 1);
        }

        return next.Known is { } known && await ExistsAsync(known, cancellationToken)
            ? (new(known.RunId, IsRepeat: true), known.RunNumber)
            : (null, next.Known?.RunNumber ?? next.NextNumber);
    }

    /// <summary>
    /// Takes an id and a number for a run. Errors: <see cref="ConflictException"/> <c>idempotency_key_reused</c> when the key was used for
    /// another request within the last day.
    /// </summary>
    internal async Task<(RunReservation Reservation, bool Exists)> ReserveAsync(
        RepositoryId repository,
        string? key,
        string fingerprint,
        CancellationToken cancellationToken
    )
    {
        var reservation = await Grain(repository).Reserve(key, fingerprint, cancellationToken);
        return (reservation, reservation.IsRepeat && await ExistsAsync(reservation, cancellationToken));
    }

    /// <summary>Keys are scoped to an actor, so that guessing a key can't reveal or block another actor's run.</summary>
    internal static string? Key(Actor actor, string target, string? key) => key is null ? null : Hash($"{actor}\0{target}\0{key}");

    /// <summary>The fingerprint of a request, which must be equal when a key is reused.</summary>
    internal static string Fingerprint(string gitRef, string? gitSha, ImmutableSortedDictionary<string, string> inputs) =>
        Hash(string.Join('\0', inputs.SelectMany(i => new[] { i.Key, i.Value }).Prepend(gitSha ?? "").Prepend(gitRef)));

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private IRepositoryGrain Grain(RepositoryId repository) => grains.GetGrain<IRepositoryGrain>(repository.Value);

    /// <summary>A crash may have left a reservation whose run was never created.</summary>
    private async Task<bool> ExistsAsync(RunReservation reservation, CancellationToken cancellationToken) =>
        await runs.GetAsync(reservation.RunId, cancellationToken) is not null;

    [LoggerMessage(4511, LogLevel.Debug, "Failed to look up an idempotency key of repository {Repository} ({Error}); reserving instead")]
    private partial void LookUpFailed(RepositoryId repository, string error);
}
