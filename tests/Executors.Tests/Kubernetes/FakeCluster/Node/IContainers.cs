using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A way to run containers on this machine.</summary>
internal interface IContainers
{
    /// <summary>Why a pod can't have an image, in a registry's words; null when it can.</summary>
    string? Refuse(string image, JsonObject pod);

    /// <summary>Errors: <see cref="StartRefusedException"/>.</summary>
    IContainer Start(ContainerStart start);
}

/// <summary>A container that was started.</summary>
internal interface IContainer
{
    /// <summary>Completes when its first process has ended, and everything else of it with that.</summary>
    Task<ContainerEnd> End { get; }

    /// <summary>To its first process, such as <c>TERM</c>; <c>KILL</c> ends all of it.</summary>
    void Signal(string name);
}

/// <summary>A container's process could not be made: the runtime's words.</summary>
internal sealed class StartRefusedException(string message) : Exception(message);

/// <summary>How a container ended.</summary>
internal readonly record struct ContainerEnd(int Code, bool OutOfMemory);

/// <summary>A folder or file of this machine at a path of a container.</summary>
internal sealed record Mount(string Path, string Source, bool IsReadOnly);

/// <summary>What a container is to be: its part of the manifest, its variables and mounts, where its output goes.</summary>
internal sealed record ContainerStart(
    JsonObject Pod,
    JsonObject Spec,
    string Folder,
    IReadOnlyDictionary<string, string> Environment,
    IReadOnlyList<Mount> Mounts,
    Action<string> Write
)
{
    /// <summary>The program and its arguments; the image's own when the manifest names none.</summary>
    public IReadOnlyList<string> Command(IReadOnlyList<string> ofImage) =>
        Spec["command"] is JsonArray command ? [.. Texts(command), .. Texts(Spec["args"])]
        : Spec["args"] is JsonArray given ? Texts(given)
        : ofImage;

    private List<string> Texts(JsonNode? array) => [.. (array as JsonArray ?? []).Select(a => Expansion.Expand((string)a!, Environment))];
}
