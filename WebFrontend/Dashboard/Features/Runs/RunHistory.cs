using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>
/// The transitions of the run that a page shows: read once for each snapshot of the run, and kept when a read fails.
/// Not thread-safe: for one page, on its renderer's thread.
/// </summary>
public sealed class RunHistory(Func<RunId, Task<IReadOnlyList<HistoryEntry>>> read)
{
    private RunSnapshot? _readFor;
    private RunSnapshot? _latest;
    private bool _isReading;

    /// <summary>All transitions so far, in order; empty until they were read.</summary>
    public IReadOnlyList<HistoryEntry> Entries { get; private set; } = [];

    /// <summary>Why the last read failed; null when it succeeded. The caller retries.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Reads the transitions if the run has changed since the last read. A failure sets <see cref="Error"/>.</summary>
    public async Task FollowAsync(RunSnapshot run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (_latest is { } known && known.Run.Id != run.Run.Id)
        {
            (_readFor, Entries, Error) = (null, [], null);
        }

        _latest = run;
        if (_isReading)
        {
            // The read in progress continues until it has read this snapshot.
            return;
        }

        _isReading = true;
        try
        {
            while (!ReferenceEquals(_readFor, _latest))
            {
                var target = _latest;
                var found = await read(target.Run.Id);
                if (target.Run.Id == _latest.Run.Id)
                {
                    (_readFor, Entries, Error) = (target, found, null);
                }
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Error = e;
        }
        finally
        {
            _isReading = false;
        }
    }
}
