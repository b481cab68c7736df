using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Shipinator.Cli.IO;
using Shipinator.Cli.Runs;
using Shipinator.Client;
using Spectre.Console.Rendering;

namespace Shipinator.Cli.Tests;

/// <summary>A run that has ended while its log is still incomplete, with a fake clock.</summary>
public sealed class RunFollowerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly FakeTimeProvider _time = new();
    private readonly RecordingTerminal _terminal = new();
    private readonly Pipe _log = new();

    [Fact]
    public async Task Follow_LogContinuesAfterTheEnd_PrintsAllLines()
    {
        var following = FollowAsync();
        for (var i = 0; i < 5; i++)
        {
            await _log.Writer.WriteAsync(Encoding.UTF8.GetBytes($"line {i}\n"), TestContext.Current.CancellationToken);
            await _terminal.LineAsync($"line {i}");
            _time.Advance(TimeSpan.FromSeconds(20));
        }

        await _log.Writer.CompleteAsync();

        Assert.Equal("success", (await following.WaitAsync(Patience, TestContext.Current.CancellationToken)).Status);
        Assert.Empty(_terminal.Notes);
    }

    [Fact]
    public async Task Follow_LogNeverEnds_StopsWithANote()
    {
        var following = FollowAsync();
        await _log.Writer.WriteAsync("line\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await _terminal.LineAsync("line");

        while (!following.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            await Task.Yield();
        }

        Assert.Equal("success", (await following).Status);
        Assert.Contains("some logs are still incomplete", Assert.Single(_terminal.Notes), StringComparison.Ordinal);
        await _log.Writer.CompleteAsync();
    }

    private async Task<RunResponse> FollowAsync()
    {
        using var http = new HttpClient(new Server(_log.Reader.AsStream())) { BaseAddress = new("http://server.invalid/") };
        return await new RunFollower(new(http, _time), _terminal, _time).FollowAsync("r1", TestContext.Current.CancellationToken);
    }

    /// <summary>A run that has ended, and the log of its only execution.</summary>
    private sealed class Server(Stream log) : HttpMessageHandler
    {
        private int _logRequests;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var path = request.RequestUri!.AbsolutePath;
            HttpContent content =
                path.EndsWith("/events", StringComparison.Ordinal)
                    ? new StringContent(Event(1, "execution", "e1", "submitted", "running") + Event(2, "run", "r1", "running", "success"))
                : path.EndsWith("/logs", StringComparison.Ordinal)
                    ? Interlocked.Increment(ref _logRequests) == 1 ? new StreamContent(log)
                        : new ByteArrayContent([])
                : path.EndsWith("/jobs", StringComparison.Ordinal) ? new StringContent("""{"jobs":[]}""")
                : new StringContent(
                    """
                    {"id":"r1","pipeline_id":"p","pipeline_name":"p","repository_id":"r","repository_name":"r","project_id":"p",
                     "project_name":"p","run_number":1,"git_ref":"main","git_sha":"0","event":"manual","executor":"process","actor":"t",
                     "status":"success","created_at":"2026-01-02T03:04:05Z","url":"http://server.invalid/runs/1"}
                    """
                );
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = content });
        }
    }

    private static string Event(int cursor, string machine, string entity, string from, string to) =>
        $$"""data: {"cursor":"{{cursor}}","machine":"{{machine}}","entity_id":"{{entity}}","sequence":1,"""
        + $$""" "at":"2026-01-02T03:04:05Z","from":"{{from}}","to":"{{to}}","actor":"t"}"""
        + "\n\n";

    private sealed class RecordingTerminal : ITerminal
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource> _lines = new();

        public ConcurrentQueue<string> Notes { get; } = new();

        public bool IsInteractive => false;

        public bool IsOutputTerminal => false;

        public int StatusHeight => 10;

        public Task LineAsync(string line) => Of(line).Task.WaitAsync(Patience, TestContext.Current.CancellationToken);

        public void WriteLogLine(string prefix, string color, string line) => Of(line).TrySetResult();

        public void WriteNote(string text) => Notes.Enqueue(text);

        public void WriteResult(string line) { }

        public void Write(IRenderable content) { }

        public void WriteMarkup(string markup) { }

        public void WriteError(string text) => Notes.Enqueue(text);

        public void ShowStatus(IReadOnlyList<StatusLine> lines) { }

        public Stream OpenOutput() => throw new NotSupportedException();

        private TaskCompletionSource Of(string line) => _lines.GetOrAdd(line, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
