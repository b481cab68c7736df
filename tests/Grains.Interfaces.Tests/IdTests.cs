using System.Text.Json;
using CsCheck;

namespace Shipinator.Tests;

/// <summary>What holds for every typed id; the derived classes only name the type.</summary>
public abstract class IdTests<T>(Func<TimeProvider, T> make, Func<string, T> parse)
    where T : struct, IEntityId<T>
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 0, 0, 0, TimeSpan.Zero);

    /// <summary>As text and as PostgreSQL compares them: byte by byte.</summary>
    [Fact]
    public void New_WithinAMillisecond_SortsByTime() =>
        Gen.Int[0, 9_996]
            .Sample(ticks =>
            {
                var (one, other) = (make(new SetClock(Start.AddTicks(ticks))).Value, make(new SetClock(Start.AddTicks(ticks + 3))).Value);
                Assert.True(string.CompareOrdinal(one.ToString("N")[..16], other.ToString("N")[..16]) < 0, $"{one} and {other}");
                Assert.Equal(7, one.Version);
                Assert.Equal(8, one.Variant & 0b1100);
            });

    [Fact]
    public void Parse_CanonicalText_GivesTheSameId() =>
        Gen
            .Guid.Where(g => g != Guid.Empty)
            .Sample(value =>
            {
                var text = T.From(value).ToString();
                Assert.Equal(36, text!.Length);
                Assert.Equal(text.ToLowerInvariant(), text);
                Assert.Equal(value, parse(text).Value);
                // RFC 9562 §4: written in lower case, read in either.
                Assert.Equal(value, parse(text.ToUpperInvariant()).Value);
            });

    [Theory]
    [InlineData("")]
    [InlineData("42")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("01890a5dac96774bbcceb302099a8057")]
    [InlineData("{01890a5d-ac96-774b-bcce-b302099a8057}")]
    [InlineData("(01890a5d-ac96-774b-bcce-b302099a8057)")]
    [InlineData(" 01890a5d-ac96-774b-bcce-b302099a8057")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a8057 ")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a8057\n")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a805")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a80577")]
    [InlineData("01890a5d-ac96-774b-bcce-b302099a805g")]
    [InlineData("01890a5d_ac96_774b_bcce_b302099a8057")]
    [InlineData("0x890a5d-ac96-774b-bcce-b302099a8057")]
    [InlineData("+1890a5d-ac96-774b-bcce-b302099a8057")]
    [InlineData("01890a5d-0x96-774b-bcce-b302099a8057")]
    public void Parse_AnythingElse_NamesTheKindAndTheText(string text)
    {
        var error = Assert.Throws<FormatException>(() => parse(text));
        Assert.Contains(typeof(T).Name, error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
        Assert.False(EntityId.TryParse<T>(text, out _));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<T>(JsonSerializer.Serialize(text)));
    }

    [Fact]
    public void Parse_AnyText_AcceptsOnlyTheCanonicalForm() =>
        Gen.String[Gen.Char["0123456789abcdefABCDEFx+-{} "], 30, 40]
            .Sample(text =>
                Assert.True(
                    !EntityId.TryParse<T>(text, out var id) || string.Equals(id.ToString(), text, StringComparison.OrdinalIgnoreCase)
                )
            );

    [Fact]
    public void Parse_LongText_IsShortenedInTheError() =>
        Assert.True(Assert.Throws<FormatException>(() => parse(new string('a', 100_000))).Message.Length < 300);

    [Fact]
    public void TryParse_Null_IsFalse() => Assert.False(EntityId.TryParse<T>(null, out _));

    [Fact]
    public void Json_AnyId_RoundTripsAsAString() =>
        Gen
            .Guid.Where(g => g != Guid.Empty)
            .Sample(value =>
            {
                var json = JsonSerializer.Serialize(T.From(value));
                Assert.Equal($"\"{value:D}\"", json);
                Assert.Equal(value, JsonSerializer.Deserialize<T>(json).Value);
            });

    [Theory]
    [InlineData("42")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("true")]
    public void Json_OtherThanAString_IsRejected(string json) => Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<T>(json));

    [Fact]
    public void New_AtRisingTimes_IsVersion7AndSortsByCreation() =>
        Gen.Int[1, 100_000]
            .Array[2, 20]
            .Sample(steps =>
            {
                var clock = new SetClock(Start);
                var made = steps
                    .Select(ms =>
                    {
                        clock.Now += TimeSpan.FromMilliseconds(ms);
                        return make(clock);
                    })
                    .ToList();
                Assert.All(made, id => Assert.Equal(7, id.Value.Version));
                Assert.Equal(made, made.OrderBy(id => id.Value));
                Assert.Equal(made, made.OrderBy(id => id.ToString(), StringComparer.Ordinal));
            });

    [Fact]
    public void New_AtOneMoment_IsUnique()
    {
        var clock = new SetClock(Start);
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(_ => make(clock)).Distinct().Count());
    }

    private sealed class SetClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}

public sealed class ProjectIdTests() : IdTests<ProjectId>(ProjectId.New, ProjectId.Parse);

public sealed class RepositoryIdTests() : IdTests<RepositoryId>(RepositoryId.New, RepositoryId.Parse);

public sealed class PipelineIdTests() : IdTests<PipelineId>(PipelineId.New, PipelineId.Parse);

public sealed class RunIdTests() : IdTests<RunId>(RunId.New, RunId.Parse);

public sealed class JobIdTests() : IdTests<JobId>(JobId.New, JobId.Parse);

public sealed class StepIdTests() : IdTests<StepId>(StepId.New, StepId.Parse);

public sealed class ExecutionIdTests() : IdTests<ExecutionId>(ExecutionId.New, ExecutionId.Parse);

public sealed class ArtifactIdTests() : IdTests<ArtifactId>(ArtifactId.New, ArtifactId.Parse);

public sealed class DeliveryIdTests() : IdTests<DeliveryId>(DeliveryId.New, DeliveryId.Parse);

public sealed class ScheduleIdTests() : IdTests<ScheduleId>(ScheduleId.New, ScheduleId.Parse);

public sealed class IdTypesTests
{
    [Fact]
    public void EveryIdType_HasItsTests()
    {
        var ids = typeof(RunId).Assembly.GetTypes().Where(t => t.IsValueType && t.GetInterface("IEntityId`1") is not null);
        var tested = typeof(IdTypesTests)
            .Assembly.GetTypes()
            .Where(t => t.BaseType is { IsGenericType: true } b && b.GetGenericTypeDefinition() == typeof(IdTests<>))
            .Select(t => t.BaseType!.GetGenericArguments()[0]);
        Assert.Equal(ids.Select(t => t.Name).Order(), tested.Select(t => t.Name).Order());
    }
}
