namespace Shipinator.Executors.Process;

/// <summary>The keys of settings that several messages name.</summary>
internal static class ProcessSettingKeys
{
    public const string FirstUserId = "Shipinator:Process:FirstUserId";
    public const string RunnerPath = "Shipinator:Process:RunnerPath";
    public const string WorkFolder = "Shipinator:Process:WorkFolder";
}
