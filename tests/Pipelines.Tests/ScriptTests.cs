using System.Diagnostics;

namespace Shipinator.Pipelines.Tests;

/// <summary>Planned scripts, run by a real shell; helm and kubectl are scripts that record their arguments.</summary>
public sealed class ScriptTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("shipinator-pipelines-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("$(touch hacked)")]
    [InlineData("`touch hacked`")]
    [InlineData("\"; touch hacked; \"")]
    [InlineData("x\n touch hacked")]
    [InlineData("${PATH}'{{ .commit }}")]
    public async Task Run_HostileBranchName_IsOnlyText(string branch)
    {
        const string File =
            "build: { steps: [ { name: a, run: 'printf %s \"{{ .branch }}\" > said; printf %s {{ .branch }} > /dev/null' } ] }";
        var facts = Table.Facts("") with { Branch = branch };
        var step = RunPlanner.Plan(PipelineFile.Parse(File).Model!, facts, Table.Settings).Plan!.Jobs[0].Steps[0];
        Assert.Equal(0, await Run(step));
        Assert.Equal(branch, Read("said"));
        Assert.Equal(["said"], _folder.EnumerateFiles().Select(f => f.Name));
    }

    [Fact]
    public async Task DeployOfChart_ToATarget_CallsHelmOnce()
    {
        Put(".shipinator/deploy/out/app-1.0.tgz", "chart");
        Assert.Equal(0, await Run(Deploy("deploy: { artifact: chart, target: staging, namespace: shop, release: web }")));
        Assert.Equal(
            "helm upgrade --install web .shipinator/deploy/out/app-1.0.tgz --namespace shop --create-namespace --wait --kube-context "
                + "staging\n",
            Read("calls")
        );
    }

    [Fact]
    public async Task DeployOfChartRef_ToTheLocalTarget_NamesTheRef()
    {
        Put(".shipinator/deploy/chart", "oci://registry.local/charts/app");
        Assert.Equal(0, await Run(Deploy("deploy: { artifact: chart }")));
        Assert.Equal(
            "helm upgrade --install shop-backend oci://registry.local/charts/app --namespace default --create-namespace --wait\n",
            Read("calls")
        );
    }

    [Fact]
    public async Task DeployOfChart_WithTwoCharts_FailsWithoutACall()
    {
        Put(".shipinator/deploy/a.tgz", "chart");
        Put(".shipinator/deploy/b.tgz", "chart");
        Assert.Equal(64, await Run(Deploy("deploy: { artifact: chart }")));
        Assert.False(File.Exists(Path.Combine(_folder.FullName, "calls")));
    }

    [Fact]
    public async Task DeployOfImage_ToTheLocalTarget_SetsItAndWaits()
    {
        Put(".shipinator/deploy/registry.local/app:1", "registry.local/app:1");
        Assert.Equal(0, await Run(Deploy("deploy: { artifact: image, release: web }")));
        Assert.Equal(
            "kubectl set image deployment/web *=registry.local/app:1 --namespace default\nkubectl rollout status deployment/web "
                + "--namespace default\n",
            Read("calls")
        );
    }

    [Fact]
    public async Task DeployOfFiles_ToATarget_AppliesTheFolder()
    {
        Put(".shipinator/deploy/k8s/service.yaml", "kind: Service");
        Assert.Equal(0, await Run(Deploy("deploy: { artifact: file, target: eu }")));
        Assert.Equal("kubectl apply --recursive -f .shipinator/deploy --namespace default --context eu\n", Read("calls"));
    }

    private static StepPlan Deploy(string file) =>
        Assert.Single(RunPlanner.Plan(PipelineFile.Parse(file).Model!, Table.Facts(""), Table.Settings).Plan!.Jobs[0].Steps);

    private void Put(string path, string text)
    {
        var file = Path.Combine(_folder.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private string Read(string path) => File.ReadAllText(Path.Combine(_folder.FullName, path));

    private async Task<int> Run(StepPlan step)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            WorkingDirectory = _folder.FullName,
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("-e");
        foreach (var (name, value) in step.Env)
        {
            start.Environment[name] = value;
        }

        using var shell = Process.Start(start)!;
        foreach (var tool in new[] { "helm", "kubectl" })
        {
            await shell.StandardInput.WriteLineAsync($"{tool}() {{ echo \"{tool} $*\" >> calls; }}");
        }

        await shell.StandardInput.WriteLineAsync(step.Run);
        shell.StandardInput.Close();
        await shell.StandardError.ReadToEndAsync();
        await shell.WaitForExitAsync();
        return shell.ExitCode;
    }
}
