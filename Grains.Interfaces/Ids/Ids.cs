using System.Text.Json.Serialization;

namespace Shipinator;

// One type per entity, all of one shape: a UUID version 7 created by the server, so that ids sort by creation
// and a JobId can't be passed where a RunId is expected.

/// <summary>The id of a project: a unit of ownership and isolation.</summary>
[GenerateSerializer, Alias("shipinator.project-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<ProjectId>))]
public readonly record struct ProjectId([property: Id(0)] Guid Value) : IEntityId<ProjectId>
{
    /// <inheritdoc/>
    public static ProjectId From(Guid value) => new(value);

    public static ProjectId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static ProjectId Parse(string text) => EntityId.Parse<ProjectId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a repository of a project.</summary>
[GenerateSerializer, Alias("shipinator.repository-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<RepositoryId>))]
public readonly record struct RepositoryId([property: Id(0)] Guid Value) : IEntityId<RepositoryId>
{
    /// <inheritdoc/>
    public static RepositoryId From(Guid value) => new(value);

    public static RepositoryId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static RepositoryId Parse(string text) => EntityId.Parse<RepositoryId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a pipeline: one trigger type of a repository.</summary>
[GenerateSerializer, Alias("shipinator.pipeline-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<PipelineId>))]
public readonly record struct PipelineId([property: Id(0)] Guid Value) : IEntityId<PipelineId>
{
    /// <inheritdoc/>
    public static PipelineId From(Guid value) => new(value);

    public static PipelineId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static PipelineId Parse(string text) => EntityId.Parse<PipelineId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a pipeline run.</summary>
[GenerateSerializer, Alias("shipinator.run-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<RunId>))]
public readonly record struct RunId([property: Id(0)] Guid Value) : IEntityId<RunId>
{
    /// <inheritdoc/>
    public static RunId From(Guid value) => new(value);

    public static RunId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static RunId Parse(string text) => EntityId.Parse<RunId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a job of a run.</summary>
[GenerateSerializer, Alias("shipinator.job-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<JobId>))]
public readonly record struct JobId([property: Id(0)] Guid Value) : IEntityId<JobId>
{
    /// <inheritdoc/>
    public static JobId From(Guid value) => new(value);

    public static JobId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static JobId Parse(string text) => EntityId.Parse<JobId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a step of a job.</summary>
[GenerateSerializer, Alias("shipinator.step-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<StepId>))]
public readonly record struct StepId([property: Id(0)] Guid Value) : IEntityId<StepId>
{
    /// <inheritdoc/>
    public static StepId From(Guid value) => new(value);

    public static StepId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static StepId Parse(string text) => EntityId.Parse<StepId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an execution: one attempt of a step.</summary>
[GenerateSerializer, Alias("shipinator.execution-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<ExecutionId>))]
public readonly record struct ExecutionId([property: Id(0)] Guid Value) : IEntityId<ExecutionId>
{
    /// <inheritdoc/>
    public static ExecutionId From(Guid value) => new(value);

    public static ExecutionId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static ExecutionId Parse(string text) => EntityId.Parse<ExecutionId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of an artifact.</summary>
[GenerateSerializer, Alias("shipinator.artifact-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<ArtifactId>))]
public readonly record struct ArtifactId([property: Id(0)] Guid Value) : IEntityId<ArtifactId>
{
    /// <inheritdoc/>
    public static ArtifactId From(Guid value) => new(value);

    public static ArtifactId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static ArtifactId Parse(string text) => EntityId.Parse<ArtifactId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a schedule of a repository.</summary>
[GenerateSerializer, Alias("shipinator.schedule-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<ScheduleId>))]
public readonly record struct ScheduleId([property: Id(0)] Guid Value) : IEntityId<ScheduleId>
{
    /// <inheritdoc/>
    public static ScheduleId From(Guid value) => new(value);

    public static ScheduleId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static ScheduleId Parse(string text) => EntityId.Parse<ScheduleId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}

/// <summary>The id of a webhook delivery.</summary>
[GenerateSerializer, Alias("shipinator.delivery-id"), Immutable]
[JsonConverter(typeof(EntityIdJsonConverter<DeliveryId>))]
public readonly record struct DeliveryId([property: Id(0)] Guid Value) : IEntityId<DeliveryId>
{
    /// <inheritdoc/>
    public static DeliveryId From(Guid value) => new(value);

    public static DeliveryId New(TimeProvider time) => new(EntityId.NewValue(time));

    /// <summary>Parses the canonical form. Errors: <see cref="FormatException"/>.</summary>
    public static DeliveryId Parse(string text) => EntityId.Parse<DeliveryId>(text);

    /// <summary>The canonical form: 36 characters, lower case, with hyphens.</summary>
    public override string ToString() => Value.ToString("D");
}
