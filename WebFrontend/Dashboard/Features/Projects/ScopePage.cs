using Microsoft.AspNetCore.Components;
using Shipinator.WebFrontend.Dashboard.Components.Shared;
using Shipinator.WebFrontend.Dashboard.Live;
using Shipinator.WebFrontend.Security;

namespace Shipinator.WebFrontend.Dashboard.Features.Projects;

/// <summary>The live page of a project, a repository or a pipeline.</summary>
public abstract class ScopePage : LiveComponent<Scope, ScopeSnapshot>
{
    /// <summary>The user of this circuit.</summary>
    [Inject]
    public required Session Session { get; set; }

    /// <summary>What the address refers to; null when it contains no valid id.</summary>
    protected abstract Scope? Requested { get; }

    /// <summary>Whether what the address refers to does not exist.</summary>
    protected bool IsMissing => Requested is null || Error is NotFoundException;

    /// <summary>Whether to show actions of the write role.</summary>
    protected bool MayWrite { get; private set; }

    /// <summary>Whether to show actions of the admin role.</summary>
    protected bool MayAdminister { get; private set; }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        if (Requested is { } scope)
        {
            Watch(scope);
        }

        MayWrite = await Session.MayAsync(Policies.Write);
        MayAdminister = await Session.MayAsync(Policies.Admin);
    }
}
