using Microsoft.Extensions.Logging;
using Shipinator.Schema.Stores;

namespace Shipinator.Triggers.Projects;

/// <summary>
/// Creates, changes and removes projects. Errors of every method: <see cref="MalformedException"/>, <see cref="NotFoundException"/>,
/// <see cref="StorageUnavailableException"/>; <see cref="ConflictException"/> <c>name_taken</c>, <c>in_use</c>.
/// </summary>
public sealed partial class ProjectRegistry(ProjectStore store, ILogger<ProjectRegistry> logger)
{
    /// <summary>Creates a project; an empty description counts as none.</summary>
    public async Task<ProjectRow> CreateAsync(string name, string? description, CancellationToken cancellationToken)
    {
        var text = Fields.DescriptionText(description);
        var row = await store.CreateAsync(Fields.Name(name), text is { Length: > 0 } ? text : null, cancellationToken);
        Created(row.Id, row.Name);
        return row;
    }

    /// <summary>Changes a project: null leaves a field as it is; an empty description removes it.</summary>
    public async Task<ProjectRow> UpdateAsync(ProjectId id, string? name, string? description, CancellationToken cancellationToken)
    {
        var row = await store.UpdateAsync(
            id,
            name is null ? null : Fields.Name(name),
            Fields.DescriptionText(description),
            cancellationToken
        );
        Changed(row.Id, row.Name);
        return row;
    }

    /// <summary>Removes a project without repositories.</summary>
    public async Task RemoveAsync(ProjectId id, CancellationToken cancellationToken)
    {
        await store.DeleteAsync(id, cancellationToken);
        Removed(id);
    }

    [LoggerMessage(4531, LogLevel.Information, "Created project {Project} ({Name})")]
    private partial void Created(ProjectId project, string name);

    [LoggerMessage(4532, LogLevel.Information, "Changed project {Project} ({Name})")]
    private partial void Changed(ProjectId project, string name);

    [LoggerMessage(4533, LogLevel.Information, "Removed project {Project}")]
    private partial void Removed(ProjectId project);
}
