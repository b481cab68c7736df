using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace Shipinator.Grains.Coordination;

/// <summary>
/// Takes the due times of all schedules, several at a time. It keeps nothing: which times are due is in the database, and that each of them
/// gets one run does not depend on this grain, of which a cluster with a hung silo may have two.
/// </summary>
[GrainType("shipinator.schedules"), Reentrant]
public sealed partial class ScheduleGrain(IEnumerable<IScheduleFiring> ports, TimeProvider time, ILogger<ScheduleGrain> logger)
    : Grain,
        IScheduleGrain,
        IDisposable
{
    /// <summary>How many due times are taken at the same time.</summary>
    private const int AtOnce = 32;

    /// <summary>How many of them are of one repository, so that one whose host does not respond leaves room for the others.</summary>
    private const int AtOnceOfRepository = 4;

    /// <summary>The clock of the machine may be set, and other silos may write schedules: this is how soon that is noticed.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    /// <summary>Due times that wait for others of their repository are looked for this often.</summary>
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>After an error of the database.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(5);

    private readonly IScheduleFiring? _firing = ports.SingleOrDefault();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<ScheduleId, RepositoryId> _running = [];

    /// <summary>Schedules whose last attempt could not even be recorded, and when they are attempted again.</summary>
    private readonly Dictionary<ScheduleId, DateTimeOffset> _paused = [];
    private IGrainTimer? _timer;
    private bool _isLooking;
    private bool _isRequested;
    private bool _isFailing;

    /// <inheritdoc/>
    public Task Wake(CancellationToken cancellationToken = default)
    {
        if (_firing is not null)
        {
            Request();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await base.OnDeactivateAsync(reason, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    /// <summary>Looks once at a time; a request meanwhile is served afterwards.</summary>
    private void Request()
    {
        _isRequested = _isLooking;
        if (!_isLooking)
        {
            Arm(TimeSpan.Zero);
        }
    }

    private void Arm(TimeSpan due)
    {
        if (_stopping.IsCancellationRequested)
        {
            return;
        }

        _timer?.Dispose();
        _timer = this.RegisterGrainTimer(
            LookAsync,
            new GrainTimerCreationOptions
            {
                DueTime = due,
                Period = Timeout.InfiniteTimeSpan,
                Interleave = true,
                KeepAlive = true,
            }
        );
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        if (_isLooking)
        {
            _isRequested = true;
            return;
        }

        _isLooking = true;
        var pause = RetryPause;
        try
        {
            do
            {
                _isRequested = false;
                await StartDueAsync(_firing!);
                pause = await PauseAsync(_firing!);
            } while (_isRequested);
            if (_isFailing)
            {
                _isFailing = false;
                Recovered();
            }
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            // Most likely the database is unavailable: logged once.
            if (!_isFailing)
            {
                _isFailing = true;
                Failed(e);
            }

            pause = RetryPause;
        }
        finally
        {
            _isLooking = false;
            Arm(pause);
        }
    }

    private async Task StartDueAsync(IScheduleFiring firing)
    {
        var now = time.GetUtcNow();
        foreach (var (id, _) in _paused.Where(p => p.Value <= now).ToList())
        {
            _paused.Remove(id);
        }

        while (_running.Count < AtOnce)
        {
            var full = _running.Values.GroupBy(r => r).Where(g => g.Count() >= AtOnceOfRepository).Select(g => g.Key).ToList();
            var due = await firing.Due(AtOnce - _running.Count, [.. _running.Keys, .. _paused.Keys], full, _stopping.Token);
            if (due.Count == 0)
            {
                return;
            }

            foreach (var schedule in due)
            {
                if (_running.Values.Count(r => r == schedule.Repository) < AtOnceOfRepository)
                {
                    _running[schedule.Id] = schedule.Repository;
                    _ = FireAsync(firing, schedule);
                }
            }
        }
    }

    private async Task FireAsync(IScheduleFiring firing, DueSchedule schedule)
    {
        try
        {
            // Planning occupies a processor, and must not do so in this grain's turn.
            await Task.Run(() => firing.Fire(schedule, _stopping.Token), _stopping.Token);
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            _paused[schedule.Id] = time.GetUtcNow() + RetryPause;
            FireFailed(e, schedule.Id);
        }
        catch (OperationCanceledException)
        {
            // Another activation takes the due time.
        }
        finally
        {
            _running.Remove(schedule.Id);
            Request();
        }
    }

    private async Task<TimeSpan> PauseAsync(IScheduleFiring firing)
    {
        if (_running.Count >= AtOnce)
        {
            // The end of one of them looks again.
            return LongestPause;
        }

        var earliest = await firing.Earliest([.. _running.Keys, .. _paused.Keys], _stopping.Token);
        var next = _paused.Values.Append(earliest ?? DateTimeOffset.MaxValue).Min();
        var pause = next - time.GetUtcNow();
        return pause < ShortestPause ? ShortestPause
            : pause < LongestPause ? pause
            : LongestPause;
    }

    [LoggerMessage(1310, LogLevel.Warning, "The due schedules could not be read; retrying every few seconds")]
    private partial void Failed(Exception exception);

    [LoggerMessage(1311, LogLevel.Information, "The due schedules can be read again")]
    private partial void Recovered();

    [LoggerMessage(1312, LogLevel.Warning, "The attempt to run schedule {Schedule} could not be recorded; retrying in a few seconds")]
    private partial void FireFailed(Exception exception, ScheduleId schedule);
}
