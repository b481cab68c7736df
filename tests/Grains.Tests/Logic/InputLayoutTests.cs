using Shipinator.Grains.Executions;

namespace Shipinator.Grains.Tests.Logic;

public sealed class InputLayoutTests
{
    private static readonly InputSpec Input = new()
    {
        Type = "binary",
        Path = "in",
        KeepPaths = true,
    };

    [Fact]
    public void Add_FilesOfOneNameInTwoFolders_KeepTheirPaths()
    {
        var places = new InputLayout();
        Assert.Null(places.Add(Input, [Artifact("a/TEST.xml"), Artifact("b/TEST.xml"), Artifact("./b//c.xml")]));
        Assert.Equal(["in/a/TEST.xml", "in/b/TEST.xml", "in/b/c.xml"], places.All.Select(i => i.Target));
    }

    [Theory]
    [InlineData("bin/app", "bin/app")]
    [InlineData("bin/app", "./bin//app")]
    [InlineData("bin", "bin/app")]
    [InlineData("bin/app/deep/file", "bin/app")]
    public void Add_TwoArtifactsForOnePath_NamesBoth(string one, string other)
    {
        var places = new InputLayout();
        var clash = places.Add(Input, [Artifact(one, "app (go=1)"), Artifact(other, "app (go=2)")]);
        Assert.NotNull(clash);
        Assert.Contains("job app (go=1)", clash, StringComparison.Ordinal);
        Assert.Contains("job app (go=2)", clash, StringComparison.Ordinal);
        Assert.Contains("'job' or 'matrix'", clash, StringComparison.Ordinal);
    }

    [Fact]
    public void Add_TwoInputs_ClashLikeOneUnlessTheyFindTheSameArtifact()
    {
        var places = new InputLayout();
        var artifact = Artifact("bin/app");
        Assert.Null(places.Add(Input, [artifact]));
        Assert.Null(places.Add(Input with { Path = "./in/" }, [artifact]));
        Assert.Single(places.All);
        Assert.Null(places.Add(Input with { Path = "other" }, [artifact, Artifact("bin/lib")]));
        Assert.NotNull(places.Add(Input with { Path = "in/bin" }, [Artifact("app")]));
    }

    [Fact]
    public void Add_ReferencesToThingsElsewhere_GetAFileEach()
    {
        var places = new InputLayout();
        var (one, two) = (
            Artifact("registry/app:1") with
            {
                Ref = "registry/app:1",
            },
            Artifact("registry/app:1") with
            {
                Ref = "registry/app:1",
            }
        );
        Assert.Null(places.Add(Input, [one, two]));
        Assert.Equal([$"in/{one.Id}.ref", $"in/{two.Id}.ref"], places.All.Select(i => i.Target));
    }

    [Fact]
    public void Add_PlanOfAnOlderVersion_KeepsItsMeaning()
    {
        var places = new InputLayout();
        Assert.Null(places.Add(Input with { KeepPaths = null }, [Artifact("a/x"), Artifact("b/x")]));
        Assert.All(places.All, i => Assert.Null(i.Target));
        Assert.Equal(2, places.All.Length);
    }

    private static ArtifactEntry Artifact(string file, string job = "app") =>
        new()
        {
            Id = ArtifactId.New(TimeProvider.System),
            JobId = JobId.New(TimeProvider.System),
            ExecutionId = ExecutionId.New(TimeProvider.System),
            StepName = "make",
            Type = "binary",
            FileName = file,
            JobName = job,
        };
}
