namespace Shipinator.KubernetesBattery;

/// <summary>The variables of tests/e2e/kubernetes.sh.</summary>
internal sealed record Settings
{
    public required string Kubeconfig { get; init; }

    public required string Silo { get; init; }

    public required Uri Url { get; init; }

    /// <summary>Port 0 for any free port.</summary>
    public required Uri GitUrl { get; init; }

    public required string StepImage { get; init; }

    public required string RunnerImage { get; init; }

    public required string ServiceImage { get; init; }

    public string? Runner { get; init; }

    public string? CacheClass { get; init; }

    /// <summary>An image that can be pulled with <see cref="DockerConfig"/> only.</summary>
    public string? PrivateImage { get; init; }

    public string? DockerConfig { get; init; }

    /// <summary>An image without a shell.</summary>
    public string? BareImage { get; init; }

    /// <summary>Whether the namespace enforces the pod security standard "restricted", and nothing runs as root.</summary>
    public bool Restricted { get; init; }

    /// <summary>When nodes pull images; null for the cluster's default.</summary>
    public string? PullPolicy { get; init; }

    public string? Only { get; init; }

    public int Parallel { get; init; } = 3;

    public bool Keep { get; init; }

    /// <summary>The image fields of a container in a manifest.</summary>
    public string Image(string image) => $"image: \"{image}\"" + (PullPolicy is null ? "" : $", imagePullPolicy: {PullPolicy}");

    /// <summary>Errors: <see cref="ArgumentException"/> names the variable.</summary>
    public static Settings Read(string[] args)
    {
        if (args is not [var kubeconfig, var silo])
        {
            throw new ArgumentException("usage: KUBECONFIG SILO_DLL (tests/e2e/kubernetes.sh starts it)");
        }

        var url = Address("SHIPINATOR_E2E_URL") ?? throw new ArgumentException("SHIPINATOR_E2E_URL is not set.");
        var step = Optional("SHIPINATOR_E2E_STEP_IMAGE") ?? throw new ArgumentException("SHIPINATOR_E2E_STEP_IMAGE is not set.");
        return new()
        {
            Kubeconfig = kubeconfig,
            Silo = silo,
            Url = url,
            GitUrl = Address("SHIPINATOR_E2E_GIT_URL") ?? new UriBuilder(url) { Port = 0 }.Uri,
            StepImage = step,
            RunnerImage = Optional("SHIPINATOR_E2E_RUNNER_IMAGE") ?? throw new ArgumentException("SHIPINATOR_E2E_RUNNER_IMAGE is not set."),
            ServiceImage = Optional("SHIPINATOR_E2E_SERVICE_IMAGE") ?? step,
            Runner = Optional("SHIPINATOR_E2E_RUNNER") is { } runner && File.Exists(runner) ? runner : null,
            CacheClass = Optional("SHIPINATOR_E2E_CACHE_CLASS"),
            PrivateImage = Optional("SHIPINATOR_E2E_PRIVATE_IMAGE"),
            DockerConfig = Optional("SHIPINATOR_E2E_DOCKERCONFIG") is not { } config
                ? Optional("SHIPINATOR_E2E_PRIVATE_IMAGE") is null
                    ? null
                    : throw new ArgumentException(
                        "SHIPINATOR_E2E_PRIVATE_IMAGE is set without SHIPINATOR_E2E_DOCKERCONFIG, the file with its credentials."
                    )
                : File.Exists(config)
                    ? config
                    : throw new ArgumentException($"SHIPINATOR_E2E_DOCKERCONFIG is '{config}', which does not exist."),
            BareImage = Optional("SHIPINATOR_E2E_BARE_IMAGE"),
            Restricted = Optional("SHIPINATOR_E2E_RESTRICTED") == "1",
            PullPolicy =
                Optional("SHIPINATOR_E2E_PULL_POLICY") is not { } policy ? null
                : policy is "Always" or "IfNotPresent" or "Never" ? policy
                : throw new ArgumentException($"SHIPINATOR_E2E_PULL_POLICY is '{policy}'; it must be Always, IfNotPresent or Never."),
            Only = Optional("SHIPINATOR_E2E_ONLY"),
            Parallel =
                Optional("SHIPINATOR_E2E_PARALLEL") is not { } parallel ? 3
                : int.TryParse(parallel, out var count) && count > 0 ? count
                : throw new ArgumentException($"SHIPINATOR_E2E_PARALLEL is '{parallel}'; it must be a positive number."),
            Keep = Optional("SHIPINATOR_E2E_KEEP") == "1",
        };
    }

    private static Uri? Address(string name) =>
        Optional(name) is not { } text ? null
        : Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == "http" ? url
        : throw new ArgumentException($"{name} is '{text}'; it must be an http address with a port, such as http://172.18.0.1:7400.");

    private static string? Optional(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
