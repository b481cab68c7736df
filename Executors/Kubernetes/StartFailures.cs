using System.Collections.Immutable;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>
/// Why a container could not start, with the message that the cluster gave first; and since when, if the beginning was observed.
/// </summary>
internal sealed record StartFailure(string Container, string? Image, string Reason, string? Message, DateTimeOffset? Since = null)
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

    /// <summary>The image can't be pulled, perhaps only for now.</summary>
    public bool IsPulling => Pulling.Contains(Reason);

    /// <summary>The pod is misconfigured: waiting does not help.</summary>
    public bool IsMisconfigured => Misconfigured.Contains(Reason);

    /// <summary>The reason and detail of the execution when this failure ends it.</summary>
    public (Reason Reason, string Detail) Cause =>
        IsPulling ? (Shipinator.Reason.ImagePull, $"The image {Image} could not be pulled: {Message ?? Reason}")
        : IsMisconfigured ? (Shipinator.Reason.ConfigError, $"{Reason}: {Message ?? Image}")
        : (Shipinator.Reason.ExecutorError, $"Container {Container} did not start ({Reason}): {Message}".TrimEnd(' ', ':'));
}

/// <summary>
/// What keeps a pod's containers from starting, by container name. Kept from one pod state to the next: while an image pull is retried the
/// reasons alternate, and a pod that is deleted meanwhile drops them before it ends.
/// </summary>
internal static class StartFailures
{
    public static ImmutableDictionary<string, StartFailure> None { get; } = ImmutableDictionary<string, StartFailure>.Empty;

    /// <summary>
    /// The failures after the next state of the same pod, observed at <paramref name="now"/>; null: when that state began is not known.
    /// </summary>
    public static ImmutableDictionary<string, StartFailure> Update(
        ImmutableDictionary<string, StartFailure> known,
        V1Pod pod,
        DateTimeOffset? now
    )
    {
        foreach (var container in (pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.ContainerStatuses ?? []))
        {
            switch (container.State)
            {
                case { Waiting: { Reason: not (null or "PodInitializing" or "ContainerCreating") } waiting }:
                    var before = known.GetValueOrDefault(container.Name);
                    var failure = new StartFailure(
                        container.Name,
                        container.Image,
                        waiting.Reason,
                        waiting.Message,
                        before is null ? now : before.Since
                    );
                    // The back-off between two pulls says less than the error before it.
                    if (before is not { IsPulling: true } || failure.Reason != "ImagePullBackOff")
                    {
                        known = known.SetItem(container.Name, failure);
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
