using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A way to run containers on this machine.</summary>
internal interface IContainers
{
    /// <summary>Why a pod can't pull an image, with the registry's message; null when it can.</summary>
    string? Refuse(string image, JsonObject pod);

    /// <summary>Errors: <see cref="StartRefusedException"/>.</summary>
    IContainer Start(ContainerStart start);
}

/// <summary>A container that was started.</summary>
internal interface IContainer
{
    /// <summary>Completes when its first process, and with it all others, has ended.</summary>
    Task<ContainerEnd> End { get; }

    /// <summary>Sends a signal such as <c>TERM</c> to its first process; <c>KILL</c> goes to all.</summary>
    void Signal(string name);
}

/// <summary>A container's process could not be created; with the runtime's message.</summary>
internal sealed class StartRefusedException(string message) : Exception(message);

/// <summary>How a container ended.</summary>
internal readonly record struct ContainerEnd(int Code, bool OutOfMemory);

/// <summary>A folder or file of this machine at a path of a container.</summary>
internal sealed record Mount(string Path, string Source, bool IsReadOnly);

/// <summary>The input of a new container: its part of the manifest, its variables and mounts, and where its output goes.</summary>
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
