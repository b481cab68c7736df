using System.Collections.Immutable;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Why a container could not start, in the words that the cluster first had for it; and since when, if that was seen to begin.</summary>
internal sealed record Block(string Container, string? Image, string Reason, string? Message, DateTimeOffset? Since = null)
{
    private static readonly HashSet<string> Pulling =
    [
        "ErrImagePull",
        "ImagePullBackOff",
        "RegistryUnavailable",
        "ImageInspectError",
        "ErrImageNeverPull",
        "SignatureValidationFailed",
    ];
    private static readonly HashSet<string> Misconfigured = ["InvalidImageName", "CreateContainerConfigError"];

    /// <summary>The image can't be had, perhaps not yet.</summary>
    public bool IsPulling => Pulling.Contains(Reason);

    /// <summary>Waiting will not help.</summary>
    public bool IsMisconfigured => Misconfigured.Contains(Reason);

    /// <summary>What it comes to when it is the end of the matter.</summary>
    public (Reason Reason, string Sentence) Cause =>
        IsPulling ? (Shipinator.Reason.ImagePull, $"The image {Image} could not be pulled: {Message ?? Reason}")
        : IsMisconfigured ? (Shipinator.Reason.ConfigError, $"{Reason}: {Message ?? Image}")
        : (Shipinator.Reason.ExecutorError, $"Container {Container} did not start ({Reason}): {Message}".TrimEnd(' ', ':'));
}

/// <summary>
/// What keeps a pod's containers from starting, by their names. Kept from state to state: while an image is tried again the reasons
/// alternate, and a pod that is deleted meanwhile forgets them before it ends.
/// </summary>
internal static class Blocks
{
    public static ImmutableDictionary<string, Block> None { get; } = ImmutableDictionary<string, Block>.Empty;

    /// <summary>What is known after the next state of the same pod, which came at <paramref name="now"/>; null: it may be an old one.</summary>
    public static ImmutableDictionary<string, Block> Follow(ImmutableDictionary<string, Block> known, V1Pod pod, DateTimeOffset? now)
    {
        foreach (var container in (pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.ContainerStatuses ?? []))
        {
            switch (container.State)
            {
                case { Waiting: { Reason: not (null or "PodInitializing" or "ContainerCreating") } waiting }:
                    var before = known.GetValueOrDefault(container.Name);
                    var block = new Block(
                        container.Name,
                        container.Image,
                        waiting.Reason,
                        waiting.Message,
                        before is null ? now : before.Since
                    );
                    // A pause between two tries says less than the error before it.
                    if (before is not { IsPulling: true } || block.Reason != "ImagePullBackOff")
                    {
                        known = known.SetItem(container.Name, block);
                    }

                    break;
                case { Running: not null } or { Terminated: { Reason: not "ContainerStatusUnknown" } }:
                    known = known.Remove(container.Name);
                    break;
            }
        }

        return known;
    }
}
