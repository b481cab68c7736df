using Microsoft.AspNetCore.Components;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard.Features.Projects;

/// <summary>A page of a project, a repository or a pipeline: live, and missing when its address names none.</summary>
public abstract class ScopePage : LiveComponent<Scope, ScopeSnapshot>
{
    /// <summary>Who looks.</summary>
    [Inject]
    public required Session Session { get; set; }

    /// <summary>What the address names; null when it is no id.</summary>
    protected abstract Scope? Asked { get; }

    /// <summary>Whether there is no such thing.</summary>
    protected bool IsMissing => Asked is null || Error is NotFoundException;

    /// <summary>Whether to show what changes things.</summary>
    protected bool MayWrite { get; private set; }

    /// <summary>Whether to show what removes things.</summary>
    protected bool MayAdminister { get; private set; }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (Asked is { } scope)
        {
            Watch(scope);
        }

        MayWrite = await Session.MayAsync(Policies.Write);
        MayAdminister = await Session.MayAsync(Policies.Admin);
    }
}
