using System.Runtime.CompilerServices;
using Bunit;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>How long bUnit waits for a component to say something; its own second is short on a busy machine.</summary>
internal static class Patience
{
    [ModuleInitializer]
    internal static void Set() => BunitContext.DefaultWaitTimeout = TimeSpan.FromSeconds(20);
}
