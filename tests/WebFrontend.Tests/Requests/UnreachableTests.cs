using System.Net;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Tests.Dashboard;
using Shipinator.WebFrontend.Tests.Servers;

namespace Shipinator.WebFrontend.Tests.Requests;

/// <summary>Reads while the silo that owns a run is dead and still counts as alive.</summary>
public sealed class UnreachableTests(ApiFixture api)
{
    public static TheoryData<string> Deaths => ["refused", "unavailable", "storage", "silent"];

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task Reads_WithoutGrains_AreServedByTheDatabase_WithUnknownWaitReasons(string death)
    {
        await using var server = await api.ServerAsync(replace: s =>
        {
            SilentExecutors.Use(s);
            s.Replace(ServiceDescriptor.Singleton(new WaitReasonLookup(Dead.Factory(death), TimeProvider.System)));
        });
        var run = await server.TriggerAsync(
            await server.PipelineAsync("image: none\nbuild:\n  steps:\n    - { name: one, run: \"true\" }\n")
        );
        var execution = await server.ExecutionAsync(run, "submitted");
        foreach (var path in new[] { $"/v1/pipeline-runs/{run}", $"/v1/pipeline-runs/{run}/jobs", $"/v1/executions/{execution}" })
        {
            using var answer = await server.Admin.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains("\"waiting_for_kind\":\"unknown\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        // Pages read the same way.
        var source = server.Services.GetRequiredService<IViewSource<RunId, RunSnapshot>>();
        var snapshot = await source.ReadAsync(RunId.Parse(run), null, CancellationToken.None);
        Assert.Equal(WaitReason.Unknown, snapshot.Waiting[Guid.Parse(run)]);
        var overview = await server
            .Services.GetRequiredService<IViewSource<bool, OverviewSnapshot>>()
            .ReadAsync(true, null, CancellationToken.None);
        Assert.Contains(overview.Live, l => l.Run.Id.ToString() == run);
    }

    [Fact]
    public async Task Silence_IsNotWaitedForLong()
    {
        var time = new FakeTimeProvider();
        var asking = new WaitReasonLookup(Dead.Factory("silent"), time).OfAsync(Given.Run(), [], CancellationToken.None);
        Assert.False(asking.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.All(
            (await asking.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)).Values,
            v => Assert.Equal(WaitReason.Unknown, v)
        );
    }

    [Fact]
    public async Task Caller_WhoGoesAway_IsNotAnswered()
    {
        using var gone = new CancellationTokenSource();
        var asking = new WaitReasonLookup(Dead.Factory("silent"), TimeProvider.System).OfAsync(Given.Run(), [], gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    /// <summary>Grains that can't be reached.</summary>
    public class Dead : DispatchProxy
    {
        private string _death = "";

        public static IGrainFactory Factory(string death)
        {
            var factory = Create<IGrainFactory, Dead>();
            ((Dead)(object)factory)._death = death;
            return factory;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (targetMethod!.Name == nameof(IGrainFactory.GetGrain) && targetMethod.IsGenericMethod)
            {
                var grain = typeof(DispatchProxy)
                    .GetMethods()
                    .Single(m => m.Name == nameof(Create) && m.GetGenericArguments().Length == 2)
                    .MakeGenericMethod(targetMethod.GetGenericArguments()[0], typeof(Dead))
                    .Invoke(null, null)!;
                ((Dead)grain)._death = _death;
                return grain;
            }

            var result = targetMethod.ReturnType.GetGenericArguments()[0];
            return _death switch
            {
                "refused" => throw new SiloUnavailableException("The target silo became unavailable."),
                "unavailable" => Failed(result, new TimeoutException("Response did not arrive on time.")),
                "storage" => Failed(result, new Orleans.Runtime.OrleansException("wrapped", new StorageUnavailableException("away"))),
                _ => typeof(Dead)
                    .GetMethod(nameof(Never), BindingFlags.NonPublic | BindingFlags.Static)!
                    .MakeGenericMethod(result)
                    .Invoke(null, null),
            };
        }

        private static object? Failed(Type result, Exception error) =>
            typeof(Task)
                .GetMethods()
                .Single(m => m is { Name: nameof(Task.FromException), IsGenericMethod: true })
                .MakeGenericMethod(result)
                .Invoke(null, [error]);

        private static Task<T> Never<T>() => new TaskCompletionSource<T>().Task;
    }
}
