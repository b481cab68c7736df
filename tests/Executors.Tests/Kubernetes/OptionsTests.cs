using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Settings are refused at the start, by name and with the fix.</summary>
public sealed class OptionsTests
{
    public static TheoryData<string, Action<KubernetesOptions>> Wrong =>
        new()
        {
            { "Namespace", o => o.Namespace = "Not_A_Name" },
            { "ProjectNamespaces", o => o.ProjectNamespaces["shop"] = "ci" },
            { "InstanceId", o => o.InstanceId = "" },
            { "RunnerImage", o => o.RunnerImage = "" },
            { "Kubeconfig", o => o.Kubeconfig = "/no/such/file" },
            { "pool", o => o.NodeSelector["pool"] = "a b" },
            { "shipinator.io/", o => o.Labels["shipinator.io/job-id"] = "x" },
            { "Tolerations:0:Operator", o => o.Tolerations.Add(new() { Operator = "In" }) },
            { "Tolerations:0:Effect", o => o.Tolerations.Add(new() { Effect = "Never" }) },
            { "ImagePullPolicy", o => o.ImagePullPolicy = "Sometimes" },
            { "DefaultCpu", o => o.DefaultCpu = "much" },
            { "MaxMemory", o => o.MaxMemory = "-1" },
            { "PendingTimeout", o => o.PendingTimeout = TimeSpan.Zero },
            { "RequestTimeout", o => o.RequestTimeout = TimeSpan.Zero },
            { "KeepFinished", o => o.KeepFinished = TimeSpan.FromSeconds(-1) },
            { "MaxConcurrent", o => o.MaxConcurrent = 0 },
            { "LimitEveryContainer", o => (o.LimitEveryContainer, o.DefaultCpu) = (true, "1") },
            { "RunAsUser", o => (o.RunAsNonRoot, o.RunAsUser) = (true, 0) },
        };

    [Theory]
    [InlineData("D")]
    [InlineData("N")]
    public void ProjectNamespaces_AcceptAnyFormatOfTheProjectId(string format)
    {
        var (options, project) = (Given.Options, ProjectId.New(TimeProvider.System));
        options.ProjectNamespaces[project.Value.ToString(format).ToUpperInvariant()] = "shop";
        Assert.Equal("shop", options.NamespaceOf(project));
        Assert.Equal("ci", options.NamespaceOf(ProjectId.New(TimeProvider.System)));
    }

    [Fact]
    public void Validate_RequiredSettingsOnly_Succeeds() =>
        Assert.True(new KubernetesOptionsValidator().Validate(null, Given.Options).Succeeded);

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Validate_InvalidSetting_IsNamed(string setting, Action<KubernetesOptions> change)
    {
        var options = Given.Options;
        change(options);
        var result = new KubernetesOptionsValidator().Validate(null, options);
        Assert.True(result.Failed);
        Assert.Contains(setting, result.FailureMessage, StringComparison.Ordinal);
    }
}
