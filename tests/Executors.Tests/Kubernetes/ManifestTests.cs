using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using Shipinator.Executors.Kubernetes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>
/// Workers as Kubernetes gets them, beside files that a person has read and approved (<c>Kubernetes/Approved</c>). After a wanted
/// change: <c>SHIPINATOR_APPROVE=1 ./test.sh Executors</c>, then read the difference.
/// </summary>
public sealed class ManifestTests
{
    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    [Fact]
    public void Create_OneStep_IsAsApproved() => Approve("one-step", Given.Worker(), Given.Options);

    [Fact]
    public void Create_SequentialAndParallelSteps_RequestThePeakOnly() =>
        Approve(
            "resources",
            Given.Worker(
                Given.Step(0, "compile", 0, "2", "1Gi"),
                Given.Step(1, "unit", 1, "1500m", "512Mi"),
                Given.Step(2, "lint", 1, "1", "256Mi"),
                Given.Step(3, "pack", 2)
            ),
            Given.Options
        );

    [Fact]
    public void Create_Services_AreSidecarsWithStartupProbes() =>
        Approve(
            "services",
            Given.Worker() with
            {
                Services = ImmutableSortedDictionary<string, ServicePlan>.Empty.Add(
                    "db",
                    new()
                    {
                        Image = "postgres:17",
                        Env = ImmutableSortedDictionary<string, string>.Empty.Add("POSTGRES_PASSWORD", "te$(ST)$$"),
                        Command = ["sh", "-c", "exec postgres -c pid=$$"],
                        ReadyTcp = 5432,
                        ReadyTimeout = TimeSpan.FromSeconds(40),
                    }
                ),
            },
            Given.Options
        );

    [Fact]
    public void Create_WithEverySetting_IsAsApproved()
    {
        var options = Given.Options;
        options.InstanceId = "prod";
        options.ServiceAccount = "builds";
        options.NodeSelector["pool"] = "ci";
        options.Tolerations.Add(
            new()
            {
                Key = "ci",
                Operator = "Exists",
                Effect = "NoSchedule",
            }
        );
        options.PullSecrets.Add("registry");
        options.ImagePullPolicy = "IfNotPresent";
        options.Labels["team"] = "shop";
        options.DefaultCpu = "500m";
        options.DefaultMemory = "512Mi";
        options.LimitEveryContainer = true;
        options.RunAsNonRoot = true;
        options.RunAsUser = 1000;
        options.FsGroup = 1000;
        options.CacheClaim = "caches";
        options.RunnerCommand.Add("/usr/bin/runner");
        options.ProjectNamespaces[Given.Worker().ProjectId.ToString()] = "ci-shop";
        Approve(
            "settings",
            Given.Worker(Given.Step(0, "compile") with { UsesCache = true }, Given.Step(1, "pack")) with
            {
                Source = null,
                Services = ImmutableSortedDictionary<string, ServicePlan>.Empty.Add("web", new() { Image = "web:1" }),
            },
            options
        );
    }

    [Theory]
    [InlineData("9", null, "at most 4")]
    [InlineData(null, "9Gi", "at most 8Gi")]
    [InlineData("much", null, "must be a quantity")]
    public void Create_MoreThanAllowed_IsRejected(string? cpu, string? memory, string words)
    {
        var options = Given.Options;
        (options.MaxCpu, options.MaxMemory) = ("4", "8Gi");
        var refused = Assert.Throws<ExecutorException>(() =>
            WorkerManifest.Create(Given.Worker(Given.Step(0, "big", cpu: cpu, memory: memory)), options, new("http://ship"))
        );
        Assert.False(refused.IsTransient);
        Assert.Contains("of step big must be", refused.Message, StringComparison.Ordinal);
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prepare_HasTheCloneOptionsAndTheCredentialsScope()
    {
        var worker = Given.Worker();
        worker = worker with
        {
            Source = worker.Source! with
            {
                CloneOptions = new()
                {
                    Depth = 0,
                    Tags = true,
                    Submodules = "recursive",
                    Lfs = true,
                    Filter = "blob:none",
                },
            },
        };
        var told = WorkerManifest
            .Create(worker, Given.Options, new("http://ship"), "https://example.org/shop")
            .Spec.Template.Spec.InitContainers[0]
            .Env.ToDictionary(e => e.Name, e => e.Value);
        Assert.Equal("https://example.org/shop", told["SHIPINATOR_CLONE_SCOPE"]);
        Assert.Equal(
            """{"depth":0,"tags":true,"submodules":"recursive","lfs":true,"filter":"blob:none"}""",
            told["SHIPINATOR_CLONE_OPTIONS"]
        );
    }

    [Fact]
    public void Secret_HasATokenPerStepAndTheCredential_AndTheManifestNeither()
    {
        var worker = Given.Worker(Given.Step(0, "a"), Given.Step(1, "b"));
        var job = WorkerManifest.Create(worker, Given.Options, new("http://ship"));
        job.Metadata.Uid = "u1";
        var secret = WorkerSecret.Create(worker, job, Given.Options, new Tokens(), new("bot", "pa55word", "https://example.org"));
        Assert.Equal(["clone-password", "clone-username", "token-s0", "token-s1"], secret.Data.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("pa55word", Encoding.UTF8.GetString(secret.Data["clone-password"]));
        Assert.Equal(("Job", "u1"), (secret.Metadata.OwnerReferences[0].Kind, secret.Metadata.OwnerReferences[0].Uid));
        var manifest = KubernetesJson.Serialize(job);
        Assert.DoesNotContain("pa55word", manifest, StringComparison.Ordinal);
        Assert.DoesNotContain("shx_", manifest, StringComparison.Ordinal);
        // A step sees its own token and nothing else of the Secret.
        foreach (var (container, index) in job.Spec.Template.Spec.Containers.Select((c, i) => (c, i)))
        {
            Assert.Equal([$"token-s{index}"], container.VolumeMounts.Where(m => m.Name == "secret").Select(m => m.SubPath));
        }
    }

    private static void Approve(string name, WorkerSpec worker, KubernetesOptions options)
    {
        var found =
            JsonNode
                .Parse(KubernetesJson.Serialize(WorkerManifest.Create(worker, options, new("http://shipinator.ci:7400"))))!
                .ToJsonString(Readable) + "\n";
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root!.FullName, "Shipinator.sln")))
        {
            root = root.Parent;
        }

        var file = Path.Combine(root.FullName, "tests", "Executors.Tests", "Kubernetes", "Approved", $"{name}.json");
        if (Environment.GetEnvironmentVariable("SHIPINATOR_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, found);
        }

        Assert.True(File.Exists(file), $"{file} is not there: approve it with SHIPINATOR_APPROVE=1.");
        Assert.Equal(File.ReadAllText(file), found);
    }

    private sealed class Tokens : IExecutionTokens
    {
        public string Issue(ExecutionId execution) => $"shx_{execution}";

        public ExecutionId? Verify(string token) => null;
    }
}
