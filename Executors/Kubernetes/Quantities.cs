using k8s.Models;

namespace Shipinator.Executors.Kubernetes;

/// <summary>What a pod asks the scheduler for, and what its steps may use.</summary>
internal static class Quantities
{
    /// <summary>A step's container: limited to what the step named, asking for nothing (see <see cref="Hungriest"/>).</summary>
    public static V1ResourceRequirements? Step(WorkerStep step, KubernetesOptions options)
    {
        var limits = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal);
        Add(limits, "cpu", step.Resources?.Cpu ?? options.DefaultCpu);
        Add(limits, "memory", step.Resources?.Memory ?? options.DefaultMemory);
        // Said outright: what is not said is taken to be the limit.
        return limits.Count == 0 ? null : new() { Limits = limits, Requests = Nothing(limits) };
    }

    /// <summary>The first container: it asks for the hungriest moment, and is limited only where the namespace demands limits of all.</summary>
    public static V1ResourceRequirements First(WorkerSpec worker, KubernetesOptions options)
    {
        var requests = Hungriest(worker, options);
        return new() { Requests = requests, Limits = options.LimitEveryContainer ? requests : null };
    }

    /// <summary>A service: it asks for nothing, and is limited only where the namespace demands limits of all.</summary>
    public static V1ResourceRequirements? Service(KubernetesOptions options)
    {
        if (!options.LimitEveryContainer)
        {
            return null;
        }

        var limits = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal);
        Add(limits, "cpu", options.DefaultCpu);
        Add(limits, "memory", options.DefaultMemory);
        return new() { Limits = limits, Requests = Nothing(limits) };
    }

    /// <summary>
    /// The most that is needed at one moment: steps of one order run side by side, all others one after the other.
    /// Errors: <see cref="ExecutorException"/>, rejected, beyond the operator's maximum.
    /// </summary>
    private static Dictionary<string, ResourceQuantity>? Hungriest(WorkerSpec worker, KubernetesOptions options)
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
                        $"Step {step.Name} asks for {resource} {wanted}; this installation allows at most {max}."
                    );
                }
            }

            var moments = worker
                .Steps.GroupBy(s => s.Order)
                .Select(g => g.Where(s => of(s) is not null).ToList())
                .Where(g => g.Count > 0)
                .ToList();
            if (moments.Count == 0)
            {
                return;
            }

            var most = moments.MaxBy(g => g.Sum(s => Value(s, resource, of(s)!)))!;
            requests[resource] = most.Count == 1 ? new(of(most[0])!) : Sum(resource, most.Sum(s => Value(s, resource, of(s)!)));
        }
    }

    private static Dictionary<string, ResourceQuantity> Nothing(Dictionary<string, ResourceQuantity> limits) =>
        limits.ToDictionary(l => l.Key, _ => new ResourceQuantity("0"), StringComparer.Ordinal);

    /// <summary>Processors in thousandths, memory in bytes.</summary>
    private static ResourceQuantity Sum(string resource, decimal sum) =>
        resource == "cpu"
            ? new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Math.Ceiling(sum * 1000):0}m"))
            : new(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Math.Ceiling(sum):0}"));

    private static decimal Value(WorkerStep step, string resource, string text) =>
        KubernetesOptionsValidator.Quantity().IsMatch(text)
            ? new ResourceQuantity(text).ToDecimal()
            : throw ExecutorException.Rejected(
                Reason.ConfigError,
                $"Step {step.Name} asks for {resource} '{text}', which is no quantity; expected such as 500m, 2 or 512Mi."
            );

    private static void Add(Dictionary<string, ResourceQuantity> to, string resource, string? quantity)
    {
        if (quantity is not null)
        {
            to[resource] = new(quantity);
        }
    }
}
