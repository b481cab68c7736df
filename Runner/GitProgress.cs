using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Shipinator.Runner;

/// <summary>
/// Separates git's output from its network trace, and derives the progress of a connection from the trace: curl's speed limit
/// applies only after the TLS handshake, and git has no timeout before that.
/// </summary>
internal sealed partial class GitProgress : IDisposable
{
    private readonly Lock _gate = new();
    private readonly StringBuilder _output = new();
    private readonly List<byte> _line = [];
    private readonly RunnerSettings _settings;
    private readonly ITimer _timer;
    private readonly string? _givenHost;
    private string? _host;
    private bool _isTunnel;
    private Stage _stage;

    /// <param name="settings">How long a connection and a response may take.</param>
    /// <param name="host">The host to name until the trace names one; null: unknown.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onTimeout">Called once the host has been silent for too long.</param>
    public GitProgress(RunnerSettings settings, string? host, TimeProvider time, Action onTimeout)
    {
        _settings = settings;
        _givenHost = host;
        _timer = time.CreateTimer(_ => TimeOut(onTimeout), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private enum Stage
    {
        Idle,
        Connecting,
        Connected,
        WaitingForResponse,
    }

    /// <summary>The error message after a timeout; null when nothing timed out.</summary>
    public string? TimeoutDetail { get; private set; }

    /// <summary>All that git printed, without its trace.</summary>
    public string Output
    {
        get
        {
            lock (_gate)
            {
                EndLine();
                return _output.ToString();
            }
        }
    }

    /// <summary>Takes a piece of git's output.</summary>
    public void Write(ReadOnlyMemory<byte> bytes)
    {
        lock (_gate)
        {
            foreach (var value in bytes.Span)
            {
                _line.Add(value);
                if (value == (byte)'\n')
                {
                    EndLine();
                }
            }
        }
    }

    public void Dispose() => _timer.Dispose();

    private void EndLine()
    {
        // File names may not be UTF-8, but they are not read from here.
        var line = Encoding.UTF8.GetString([.. _line]);
        _line.Clear();
        if (Trace().Match(line) is { Success: true } trace)
        {
            Follow(line[trace.Length..]);
        }
        else
        {
            _output.Append(line);
        }
    }

    private void Follow(string trace)
    {
        if (Peer().Match(trace) is { Success: true } peer)
        {
            _host = $"{peer.Groups["name"].Value}:{peer.Groups["port"].Value}";
        }
        else if (PacketHost().Match(trace) is { Success: true } daemon)
        {
            _host = daemon.Groups["host"].Value;
        }

        if (trace.Contains("<= Recv header", StringComparison.Ordinal) || PacketReceived().IsMatch(trace))
        {
            // Behind a proxy the handshake with the host itself is still to come.
            _host = _isTunnel ? _givenHost ?? _host : _host;
            Enter(_isTunnel ? Stage.Connected : Stage.Idle);
        }
        else if (trace.Contains("=> Send header", StringComparison.Ordinal) || PacketSent().IsMatch(trace))
        {
            if (trace.Contains("=> Send header, ", StringComparison.Ordinal))
            {
                // A new request.
                _isTunnel = false;
            }

            _isTunnel |= trace.Contains("=> Send header: CONNECT ", StringComparison.Ordinal);
            Enter(Stage.WaitingForResponse);
        }
        else if (trace.Contains("Info: Connected to ", StringComparison.Ordinal))
        {
            Enter(Stage.Connected);
        }
        else if (trace.Contains("Info:   Trying ", StringComparison.Ordinal))
        {
            _host = _givenHost ?? trace[(trace.IndexOf("Trying ", StringComparison.Ordinal) + "Trying ".Length)..].Trim().TrimEnd('.');
            Enter(Stage.Connecting);
        }
    }

    /// <summary>One period for connecting and the handshake together: further lines of it don't extend it.</summary>
    private void Enter(Stage stage)
    {
        var wasConnecting = _stage is Stage.Connecting or Stage.Connected;
        var isConnecting = stage is Stage.Connecting or Stage.Connected;
        var isSame = _stage == stage || (wasConnecting && isConnecting);
        _stage = stage;
        if (!isSame)
        {
            _timer.Change(Limit(stage), Timeout.InfiniteTimeSpan);
        }
    }

    private TimeSpan Limit(Stage stage) =>
        stage switch
        {
            Stage.Idle => Timeout.InfiniteTimeSpan,
            Stage.WaitingForResponse => _settings.GitResponseTimeout,
            _ => _settings.GitConnectTimeout,
        };

    private void TimeOut(Action onTimeout)
    {
        lock (_gate)
        {
            if (_stage == Stage.Idle)
            {
                return;
            }

            var seconds = Limit(_stage).TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
            TimeoutDetail =
                (_host ?? _givenHost ?? "The host")
                + _stage switch
                {
                    Stage.Connecting => $" did not accept a connection within {seconds} s.",
                    Stage.Connected => $" accepted the connection but did not complete the TLS handshake within {seconds} s.",
                    _ => $" received the request but sent no response within {seconds} s.",
                };
        }

        onTimeout();
    }

    [GeneratedRegex(@"^\d\d:\d\d:\d\d\.\d{6} [\w-]+\.c:\d+\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Trace();

    [GeneratedRegex(@"Info: Connected to (?<name>\S+) \(.*\) port (?<port>\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex Peer();

    /// <summary>The first request to a host of <c>git://</c>.</summary>
    [GeneratedRegex(@"^packet:.*> git-upload-pack .*\\0host=(?<host>[^\\]+)", RegexOptions.CultureInvariant)]
    private static partial Regex PacketHost();

    [GeneratedRegex(@"^packet:\s+[\w-]+< ", RegexOptions.CultureInvariant)]
    private static partial Regex PacketReceived();

    [GeneratedRegex(@"^packet:\s+[\w-]+> ", RegexOptions.CultureInvariant)]
    private static partial Regex PacketSent();
}
