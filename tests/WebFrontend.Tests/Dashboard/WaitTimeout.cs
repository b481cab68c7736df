using System.Runtime.CompilerServices;
using Bunit;

namespace Shipinator.WebFrontend.Tests.Dashboard;

/// <summary>How long bUnit waits for a component to change: its default of one second is too short on a busy machine.</summary>
internal static class WaitTimeout
{
    [ModuleInitializer]
    internal static void Set() => BunitContext.DefaultWaitTimeout = TimeSpan.FromSeconds(20);
}
