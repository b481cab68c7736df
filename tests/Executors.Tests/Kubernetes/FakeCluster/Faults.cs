namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The faults of the API server that tests inject.</summary>
internal sealed class Faults
{
    private int _tooMany;
    private int _holdAnswers;

    /// <summary>Every n-th create takes effect and its response is lost; 0: none.</summary>
    public int LoseAnswers { get; set; }

    /// <summary>How many of the next creates take effect and get no response: their clients time out.</summary>
    public int HoldAnswers
    {
        get => Volatile.Read(ref _holdAnswers);
        set => Volatile.Write(ref _holdAnswers, value);
    }

    /// <summary>The <c>Retry-After</c> of throttled requests, in seconds.</summary>
    public int RetryAfter { get; set; } = 1;

    /// <summary>How many of the next requests get 429.</summary>
    public int TooMany
    {
        get => Volatile.Read(ref _tooMany);
        set => Volatile.Write(ref _tooMany, value);
    }

    /// <summary>Creates are refused with this.</summary>
    public (int Code, string Reason, string Message)? Refuse { get; set; }

    /// <summary>Awaited before a request is handled; the argument is the request's name as in <see cref="ApiServer.Requests"/>.</summary>
    public Func<string, Task>? Before { get; set; }

    public void Throttle()
    {
        if (TooMany > 0 && Interlocked.Decrement(ref _tooMany) >= 0)
        {
            throw new Refusal(429, "TooManyRequests", "the server has received too many requests") { RetryAfter = RetryAfter };
        }
    }

    /// <summary>Whether this create is one of <see cref="HoldAnswers"/>.</summary>
    public bool IsToHold()
    {
        while (HoldAnswers is > 0 and var left)
        {
            if (Interlocked.CompareExchange(ref _holdAnswers, left - 1, left) == left)
            {
                return true;
            }
        }

        return false;
    }

    public void RefuseCreate()
    {
        if (Refuse is var (code, reason, message))
        {
            throw new Refusal(code, reason, message);
        }
    }
}
