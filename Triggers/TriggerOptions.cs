namespace Shipinator.Triggers;

/// <summary>The installation's defaults for repositories and steps that specify none. The composition root sets them.</summary>
public sealed class TriggerOptions
{
    /// <summary>The executor of repositories that specify none.</summary>
    public string DefaultExecutor { get; set; } = "process";

    /// <summary>The container image of steps that specify none.</summary>
    public string DefaultImage { get; set; } = "debian:bookworm-slim";
}
