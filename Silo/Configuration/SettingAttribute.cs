namespace Shipinator.Silo.Configuration;

/// <summary>The modes of the server.</summary>
public enum ServerMode
{
    /// <summary>Both modes.</summary>
    Any,

    /// <summary>A single server (<see cref="ClusteringKind.Localhost"/>).</summary>
    Standalone,

    /// <summary>One of several silos (<see cref="ClusteringKind.AdoNet"/>).</summary>
    Cluster,
}

/// <summary>What docs/settings.md can't derive from the member itself.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute : Attribute
{
    /// <summary>The mode in which the setting, or all settings of the section, have an effect.</summary>
    public ServerMode Mode { get; init; }

    /// <summary>The default, if it depends on the machine.</summary>
    public string? Default { get; init; }
}
