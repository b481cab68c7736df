using System.Globalization;
using System.Text;
using Shipinator.Forges.Git;
using Shipinator.Testing;

namespace Shipinator.Forges.Tests;

/// <summary>Unresponsive hosts: an error in time that names the host, no process left, no other fetch affected.</summary>
public sealed class SilentHostTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ForgeHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Theory]
    [InlineData("http", null)]
    [InlineData("https", null)]
    [InlineData("http", "HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("https", "\u0016\u0003\u0003\u0040\u0000")]
    public async Task Fetch_FromAnUnresponsiveHost_FailsWithItsName(string scheme, string? trickle)
    {
        _harness.Options.IdleTimeout = TimeSpan.FromSeconds(2);
        (_harness.Options.Fetches, _harness.Options.FetchesPerHost) = (1, 1);
        await using var host = new SilentHost(trickle is null ? null : Encoding.Latin1.GetBytes(trickle));
        var forge = _harness.Forge();
        var repository = ForgeHarness.At(string.Create(CultureInfo.InvariantCulture, $"{scheme}://127.0.0.1:{host.Port}/a.git"));
        // Twice: the repository and the only slot are released after the first.
        for (var i = 0; i < 2; i++)
        {
            var error = await ForgeHarness.FailsAsync(() =>
                forge.Resolve(repository, "main", default).WaitAsync(Patience, TestContext.Current.CancellationToken)
            );
            Assert.Equal(ForgeException.Unreachable, error.Code);
            Assert.Contains(
                string.Create(CultureInfo.InvariantCulture, $"{scheme}://127.0.0.1:{host.Port}"),
                error.Message,
                StringComparison.Ordinal
            );
            Assert.DoesNotContain("still running", error.Message, StringComparison.Ordinal);
        }

        await GoneAsync(host);
    }

    [Fact]
    public async Task Fetch_ThatTakesTooLongInTotal_IsEndedWithItsProcesses()
    {
        _harness.Options.IdleTimeout = TimeSpan.FromSeconds(120);
        _harness.Options.FetchTimeout = TimeSpan.FromSeconds(1);
        await using var host = new SilentHost();
        var repository = ForgeHarness.At(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{host.Port}/a.git"));
        var error = await ForgeHarness.FailsAsync(() =>
            _harness.Forge().Resolve(repository, "main", default).WaitAsync(Patience, TestContext.Current.CancellationToken)
        );
        Assert.Contains("Shipinator:Git:FetchTimeout", error.Message, StringComparison.Ordinal);
        await GoneAsync(host);
    }

    [Fact]
    public async Task Slots_AreLimitedPerHostAndInTotal_AndGivenBack()
    {
        using var slots = new HostSlots(perHost: 2, all: 3, TimeSpan.FromSeconds(60), TimeProvider.System);
        var stop = TestContext.Current.CancellationToken;
        var (first, second) = (await slots.TakeAsync("one", stop), await slots.TakeAsync("one", stop));
        var third = slots.TakeAsync("one", stop);
        Assert.False(third.IsCompleted);
        var other = await slots.TakeAsync("other", stop);
        var beyond = slots.TakeAsync("other", stop);
        Assert.False(beyond.IsCompleted);
        other.Dispose();
        (await beyond.WaitAsync(Patience, stop)).Dispose();
        first.Dispose();
        (await third.WaitAsync(Patience, stop)).Dispose();
        second.Dispose();
    }

    [Fact]
    public async Task Fetch_Canceled_EndsAtOnceWithItsProcesses()
    {
        await using var host = new SilentHost();
        using var cancel = new CancellationTokenSource();
        var forge = _harness.Forge();
        var repository = ForgeHarness.At(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{host.Port}/a.git"));
        var fetch = forge.Resolve(repository, "main", cancel.Token);
        await host.First.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            fetch.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken)
        );
        await GoneAsync(host);
    }

    [Fact]
    public async Task Fetches_OfAnUnresponsiveHost_TakeFewSlotsAndDoNotAffectOthers()
    {
        _harness.Options.IdleTimeout = TimeSpan.FromSeconds(120);
        _harness.Options.FetchesPerHost = 3;
        await using var silent = new SilentHost();
        await using var good = await GitHttpServer.StartAsync(Path.Combine(_harness.Root, "good"));
        good.Create("/app.git", ("a", "one"));
        using var cancel = new CancellationTokenSource();
        var forge = _harness.Forge();
        var hanging = Enumerable
            .Range(0, 250)
            .Select(i =>
                forge.Resolve(
                    ForgeHarness.At(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{silent.Port}/{i}.git")),
                    "main",
                    cancel.Token
                )
            )
            .ToList();
        await silent.First.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        // Another name of this machine: limits are per host.
        var found = await forge
            .Resolve(ForgeHarness.At(good.Url("/app.git", host: "localhost")), "main", default)
            .WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal("refs/heads/main", found.FullRef);
        Assert.InRange(silent.Most, 1, 3);
        await cancel.CancelAsync();
        foreach (var one in hanging)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.WaitAsync(Patience, TestContext.Current.CancellationToken));
        }

        await GoneAsync(silent);
    }

    [Fact]
    public async Task Fetch_WithoutAFreeSlot_FailsAfterTheTimeout()
    {
        _harness.Options.IdleTimeout = TimeSpan.FromSeconds(120);
        _harness.Options.WaitTimeout = TimeSpan.FromSeconds(1);
        _harness.Options.FetchesPerHost = 1;
        await using var host = new SilentHost();
        using var cancel = new CancellationTokenSource();
        var forge = _harness.Forge();
        var url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{host.Port}/a.git");
        var repository = ForgeHarness.At(url);
        var first = forge.Resolve(repository, "main", cancel.Token);
        await host.First.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Contains(
            "No fetch from 127.0.0.1 can start",
            (await ForgeHarness.FailsAsync(() => forge.Resolve(ForgeHarness.At(url), "main", default))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "Another fetch of",
            (await ForgeHarness.FailsAsync(() => forge.Resolve(repository, "main", default))).Message,
            StringComparison.Ordinal
        );
        // The same for another silo that shares the folder.
        Assert.Contains(
            "Another fetch of",
            (await ForgeHarness.FailsAsync(() => _harness.Forge().Resolve(repository, "main", default).WaitAsync(Patience))).Message,
            StringComparison.Ordinal
        );
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    /// <summary>Waits until none of our processes is connected.</summary>
    private static async Task GoneAsync(SilentHost host)
    {
        var deadline = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(10);
        while (host.Open > 0 && TimeProvider.System.GetUtcNow() < deadline)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        Assert.Equal(0, host.Open);
    }
}
