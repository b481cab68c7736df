using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>Resource requests and limits of a pod's containers.</summary>
internal static class PodResources
{
    /// <summary>A step's container: limited to the step's <c>resources</c>, requesting nothing (see <see cref="PeakDemand"/>).</summary>
    public static V1ResourceRequirements? Step(WorkerStep step, KubernetesOptions options)
    {
        var limits = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal);
        Add(limits, "cpu", step.Resources?.Cpu ?? options.DefaultCpu);
        Add(limits, "memory", step.Resources?.Memory ?? options.DefaultMemory);
        // Explicitly 0: a missing request would be set to the limit.
        return limits.Count == 0 ? null : new() { Limits = limits, Requests = Zero(limits) };
    }

    /// <summary>
    /// The <c>prepare</c> container: it carries the pod's whole request, and is limited only where the namespace demands limits.
    /// </summary>
    public static V1ResourceRequirements First(WorkerSpec worker, KubernetesOptions options)
    {
        var requests = PeakDemand(worker, options);
        return new() { Requests = requests, Limits = options.LimitEveryContainer ? requests : null };
    }

    /// <summary>A service's container: it requests nothing, and is limited only where the namespace demands limits.</summary>
    public static V1ResourceRequirements? Service(KubernetesOptions options)
    {
        if (!options.LimitEveryContainer)
        {
            return null;
        }

        var limits = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal);
        Add(limits, "cpu", options.DefaultCpu);
        Add(limits, "memory", options.DefaultMemory);
        return new() { Limits = limits, Requests = Zero(limits) };
    }

    /// <summary>
    /// The peak demand: steps of the same order run in parallel, all others one after the other.
    /// Errors: <see cref="ExecutorException"/> (rejected) beyond the operator's maximum.
    /// </summary>
    private static Dictionary<string, ResourceQuantity>? PeakDemand(WorkerSpec worker, KubernetesOptions options)
    {
        var requests = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal);
        Need("cpu", s => s.Resources?.Cpu ?? options.DefaultCpu, options.MaxCpu);
        Need("memory", s => s.Resources?.Memory ?? options.DefaultMemory, options.MaxMemory);
        return requests.Count == 0 ? null : requests;

        void Need(string resource, Func<WorkerStep, string?> of, string? max)
        {
            foreach (var step in worker.Steps)
            {
                if (max is not null && of(step) is { } wanted && Value(step, resource, wanted) > new ResourceQuantity(max).ToDecimal())
                {
                    throw ExecutorException.Rejected(
                        Reason.ConfigError,
                        $"resources.{resource} of step {step.Name} must be at most {max} on this installation, but was {wanted}."
                    );
                }
            }

            var groups = worker
                .Steps.GroupBy(s => s.Order)
                .Select(g => g.Where(s => of(s) is not null).ToList())
                .Where(g => g.Count > 0)
                .ToList();
            if (groups.Count == 0)
            {
                return;
            }

            var most = groups.MaxBy(g => g.Sum(s => Value(s, resource, of(s)!)))!;
            requests[resource] = most.Count == 1 ? new(of(most[0])!) : Sum(resource, most.Sum(s => Value(s, resource, of(s)!)));
        }
    }

    private static Dictionary<string, ResourceQuantity> Zero(Dictionary<string, ResourceQuantity> limits) =>
        limits.ToDictionary(l => l.Key, _ => new ResourceQuantity("0"), StringComparer.Ordinal);

    /// <summary>CPU in millicores, memory in bytes.</summary>
    private static ResourceQuantity Sum(string resource, decimal sum) =>
        resource == "cpu"
            ? new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Math.Ceiling(sum * 1000):0}m"))
            : new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Math.Ceiling(sum):0}"));

    private static decimal Value(WorkerStep step, string resource, string text) =>
        KubernetesOptionsValidator.Quantity().IsMatch(text)
            ? new ResourceQuantity(text).ToDecimal()
            : throw ExecutorException.Rejected(
                Reason.ConfigError,
                $"resources.{resource} of step {step.Name} must be a quantity such as 500m, 2 or 512Mi, but was '{text}'."
            );

    private static void Add(Dictionary<string, ResourceQuantity> to, string resource, string? quantity)
    {
        if (quantity is not null)
        {
            to[resource] = new(quantity);
        }
    }
}
