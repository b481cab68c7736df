using System.Globalization;
using System.Text;
using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>The Secret of a worker: each step's token, and the clone credential for the <c>prepare</c> container.</summary>
internal static class WorkerSecret
{
    public const string CloneUsername = "clone-username";
    public const string ClonePassword = "clone-password";

    public static string Token(int step) => string.Create(CultureInfo.InvariantCulture, $"token-s{step}");

    /// <summary>Owned by the Job, and deleted with it.</summary>
    public static V1Secret Create(
        WorkerSpec worker,
        V1Job owner,
        KubernetesOptions options,
        IExecutionTokens tokens,
        GitCredential? credential
    )
    {
        var data = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (worker.Source is not null)
        {
            // Present even when empty: the mounts name them.
            data[CloneUsername] = Encoding.UTF8.GetBytes(credential?.Username ?? "");
            data[ClonePassword] = Encoding.UTF8.GetBytes(credential?.Password ?? "");
        }

        for (var i = 0; i < worker.Steps.Length; i++)
        {
            data[Token(i)] = Encoding.UTF8.GetBytes(tokens.Issue(worker.Steps[i].FirstExecutionId));
        }

        return new()
        {
            ApiVersion = "v1",
            Kind = "Secret",
            Metadata = new()
            {
                Name = worker.ExternalName,
                NamespaceProperty = options.NamespaceOf(worker.ProjectId),
                Labels = Labels.Of(worker, options),
                OwnerReferences =
                [
                    new()
                    {
                        ApiVersion = "batch/v1",
                        Kind = "Job",
                        Name = owner.Metadata.Name,
                        Uid = owner.Metadata.Uid,
                        Controller = true,
                    },
                ],
            },
            Type = "Opaque",
            Data = data,
        };
    }
}
