using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Shipinator.Tests;

/// <summary>Everything that crosses a grain boundary comes out as it went in, by Orleans' own serializer.</summary>
public sealed class SerializationTests
{
    /// <summary>Shows every public member, so that two values are the same exactly when their texts are.</summary>
    private static readonly JsonSerializerOptions Shown = new() { WriteIndented = true };

    private static readonly Serializer Orleans = new ServiceCollection()
        .AddSerializer(b => b.AddAssembly(typeof(RunId).Assembly))
        .BuildServiceProvider()
        .GetRequiredService<Serializer>();

    private static IEnumerable<Type> SerializedTypes =>
        typeof(RunId).Assembly.GetTypes().Where(t => t.IsDefined(typeof(GenerateSerializerAttribute), inherit: false));

    public static TheoryData<string> Values =>
        [.. SerializedTypes.Where(t => !typeof(Exception).IsAssignableFrom(t) && !t.IsGenericTypeDefinition).Select(t => t.FullName!)];

    [Theory]
    [MemberData(nameof(Values))]
    public void Value_WithEveryMemberSet_RoundTrips(string typeName)
    {
        var type = typeof(RunId).Assembly.GetType(typeName, throwOnError: true)!;
        foreach (var flag in new[] { true, false })
        {
            var value = new Samples(flag).Of(type);
            var back = RoundTrip(value);
            Assert.IsType(type, back);
            Assert.Equal(Show(value), Show(back));
        }
    }

    [Fact]
    public void Stored_WithRowAndTransitions_RoundTrips()
    {
        var value = new Samples(flag: true).Of<Stored<JobRecord>>();
        Assert.Equal(2, value.Uncommitted.Length);
        Assert.Equal(Show(value), Show(RoundTrip(value)));
        Assert.Null(((Stored<RunRecord>)RoundTrip(new Stored<RunRecord>())).Row);
    }

    [Fact]
    public void Lifecycle_RoundTrips()
    {
        var life = new Samples(flag: true).Of<Lifecycle>();
        Assert.Equal(life, RoundTrip(life));
    }

    [Fact]
    public void Claim_WithoutWork_RoundTrips()
    {
        var back = (ClaimResult)RoundTrip(new ClaimResult(ClaimKind.NotYet, null, []));
        Assert.Equal(ClaimKind.NotYet, back.Kind);
        Assert.Null(back.Spec);
        Assert.Empty(back.Inputs);
        Assert.True(((ClaimResult)RoundTrip(new ClaimResult(ClaimKind.NotNeeded, null, default))).Inputs.IsDefaultOrEmpty);
    }

    [Fact]
    public void WaitReasons_OfARun_RoundTrip()
    {
        var value = ImmutableDictionary<Guid, WaitReason>.Empty.Add(
            new Guid(1, 2, 3, [1, 2, 3, 4, 5, 6, 7, 8]),
            WaitReason.Slot("process", 3, 8)
        );
        Assert.Equal(value, (ImmutableDictionary<Guid, WaitReason>)RoundTrip(value));
    }

    /// <summary>One of each kind; <see cref="EveryException_IsCovered"/> sees to it that none is forgotten.</summary>
    private static readonly ShipinatorException[] Exceptions =
    [
        new ShipinatorException("some_code", "some message", new TimeoutException("inner")),
        new NotFoundException("run", "42"),
        new ConflictException("claimed", "Another runner has it."),
        new InvalidInputException("checksum_mismatch", "The digest differs."),
        new TransitionRefusedException(Machine.Execution, Status.Success, Status.Running),
        new AlreadyEndedException(ExecutionId.Parse("01890a5d-ac96-774b-bcce-b302099a8057"), Status.Canceled),
        new StorageUnavailableException("The database is away.", new InvalidOperationException("inner")),
        ExecutorException.Transient("Throttled.", new TimeoutException("inner")),
        ExecutorException.Rejected(Reason.ConfigError, "No such image."),
        new ForgeException(ForgeException.RefNotFound, "There is no branch x."),
        new ForgeRequestException(
            ForgeRequestException.RateLimited,
            "The forge limits requests.",
            isTransient: true,
            429,
            TimeSpan.FromSeconds(60),
            new TimeoutException("inner")
        ),
    ];

    public static TheoryData<int> ExceptionIndexes => [.. Enumerable.Range(0, Exceptions.Length)];

    [Theory]
    [MemberData(nameof(ExceptionIndexes))]
    public void Exception_ThrownByAGrain_KeepsTypeCodeMessageAndProperties(int index)
    {
        var thrown = Exceptions[index];
        var back = (ShipinatorException)RoundTrip(thrown);
        Assert.IsType(thrown.GetType(), back);
        Assert.Equal(thrown.Message, back.Message);
        Assert.Equal(thrown.Code, back.Code);
        Assert.Equal(thrown.InnerException?.GetType(), back.InnerException?.GetType());
        Assert.Equal(thrown.InnerException?.Message, back.InnerException?.Message);
        var own = thrown.GetType().GetProperties().Where(p => p.DeclaringType!.Assembly == typeof(RunId).Assembly);
        Assert.All(own, p => Assert.Equal(p.GetValue(thrown), p.GetValue(back)));
    }

    [Fact]
    public void EveryException_IsCovered() =>
        Assert.Equal(
            typeof(RunId).Assembly.GetTypes().Where(t => typeof(Exception).IsAssignableFrom(t)).Select(t => t.Name).Order(),
            Exceptions.Select(e => e.GetType().Name).Distinct().Order()
        );

    private static object RoundTrip(object value) => Orleans.Deserialize<object>(Orleans.SerializeToArray(value))!;

    private static string Show(object value) => JsonSerializer.Serialize(value, Shown);
}
