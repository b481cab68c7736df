using Shipinator.Schema.Queries;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Dashboard.Features.Runs;

/// <summary>
/// The transitions of the run that a page shows: read once for each picture of the run, and kept when they can't be read now.
/// For one page, on its thread.
/// </summary>
public sealed class RunHistory(Func<RunId, Task<IReadOnlyList<HistoryEntry>>> read)
{
    private RunSnapshot? _of;
    private RunSnapshot? _wanted;
    private bool _isReading;

    /// <summary>All transitions so far, in their order; empty before they were read.</summary>
    public IReadOnlyList<HistoryEntry> Entries { get; private set; } = [];

    /// <summary>Why there are no newer ones now; ask again.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Reads them if the run has changed since they were read. What goes wrong is told by <see cref="Error"/>.</summary>
    public async Task FollowAsync(RunSnapshot run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (_wanted is { } before && before.Run.Id != run.Run.Id)
        {
            (_of, Entries, Error) = (null, [], null);
        }

        _wanted = run;
        if (_isReading)
        {
            // Whoever reads goes on until it is this one.
            return;
        }

        _isReading = true;
        try
        {
            while (!ReferenceEquals(_of, _wanted))
            {
                var asked = _wanted;
                var found = await read(asked.Run.Id);
                if (asked.Run.Id == _wanted.Run.Id)
                {
                    (_of, Entries, Error) = (asked, found, null);
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
