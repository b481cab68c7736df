using System.Diagnostics;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>Variables and outputs between the steps of one job, with a runner process for each step and one job folder.</summary>
public sealed class StepExportsTests : RunnerTest
{
    private readonly List<EarlierResponse> _earlier = [];

    [Fact]
    public async Task Variables_OfEarlierSteps_ReachLaterOnesInOrder()
    {
        await StepAsync(
            "one",
            "echo VERSION=1.2=3 >> \"$SHIPINATOR_ENV\"; "
                + "printf '# no name\\n\\nNOTES<<END\\nfirst $HOME\\nEND of it\\nEND\\r\\nWHO=one\\r\\n' "
                + ">> \"$SHIPINATOR_ENV\""
        );
        await StepAsync("two", "echo WHO=two > \"$SHIPINATOR_ENV\"; echo PATH=/handed:$PATH >> \"$SHIPINATOR_ENV\"");
        var report = await StepAsync(
            "three",
            "echo \"[$VERSION|$NOTES|$WHO|${PATH%%:*}|$SET]\"",
            w => w with { Env = new Dictionary<string, string> { ["SET"] = "file" } }
        );
        Assert.Equal("success", report.Status);
        Assert.Contains("[1.2=3|first $HOME\nEND of it|two|/handed|file]\n", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_OfThePipelineFile_Win()
    {
        await StepAsync("one", "echo WHO=one >> \"$SHIPINATOR_ENV\"");
        await StepAsync("two", "echo \"[$WHO]\"", w => w with { Env = new Dictionary<string, string> { ["WHO"] = "file" } });
        Assert.Contains("[file]", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_ForAStepWithASecretOfItsOwn_AreOnlyWhatItNamesAndNeverWhatTheImageHas()
    {
        await StepAsync(
            "one",
            "echo VERSION=1 >> \"$SHIPINATOR_ENV\"; echo HTTPS_PROXY=http://evil >> \"$SHIPINATOR_ENV\"; "
                + "echo PATH=/evil >> \"$SHIPINATOR_ENV\""
        );
        var report = await StepAsync(
            "two",
            "echo \"[$V|$VERSION|$HTTPS_PROXY|$PATH]\"",
            w =>
                w with
                {
                    EnvExpressions = new Dictionary<string, string> { ["V"] = "v${VERSION}", ["PATH"] = "${PATH}:/more" },
                    Secrets = new Dictionary<string, string> { ["KEY"] = "tops3cret" },
                },
            givesVariables: false
        );
        Assert.Equal("success", report.Status);
        Assert.Contains("[v1|||", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", Server.Log, StringComparison.Ordinal);
        Assert.Contains(":/more]", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Values_ThatContainASecret_AreMaskedInLaterSteps()
    {
        await StepAsync(
            "one",
            "echo URL=https://x:$KEY@host >> \"$SHIPINATOR_ENV\"; echo \"b=$(printf %s \"$KEY\" | base64)\" >> \"$SHIPINATOR_OUTPUT\"",
            w => w with { Secrets = new Dictionary<string, string> { ["KEY"] = "tops3cret-of-one" } }
        );
        var report = await StepAsync(
            "two",
            "echo \"[$URL][$B]\"",
            w => w with { EnvExpressions = new Dictionary<string, string> { ["B"] = "${steps.one.b}" } }
        );
        Assert.Equal("success", report.Status);
        Assert.Contains("[********][********]", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Expressions_AreExpandedOnceAndWithoutSecretsAndSiblings()
    {
        await StepAsync("one", "echo 'n=$HOME ${KEY} $$' >> \"$SHIPINATOR_OUTPUT\"");
        var report = await StepAsync(
            "two",
            null!,
            w =>
                w with
                {
                    Script = null,
                    Command = ["never"],
                    CommandExpressions =
                    [
                        "sh",
                        "-c",
                        "printf '%s|' \"$@\" \"$A\" \"$B\" \"$C\"",
                        "x",
                        "${SHIPINATOR_WORKSPACE}/t",
                        "${steps.one.n}",
                        "$$HOME",
                        "${steps.none.x}",
                    ],
                    Env = new Dictionary<string, string> { ["SIBLING"] = "s", ["CI_COMMIT_SHA"] = "abc" },
                    EnvExpressions = new Dictionary<string, string>
                    {
                        ["A"] = "${CI_COMMIT_SHA}:${SIBLING}:${KEY}:$$x",
                        ["B"] = "${CI_WORKSPACE}",
                        ["C"] = "${steps.one.n}",
                    },
                    Secrets = new Dictionary<string, string> { ["KEY"] = "tops3cret" },
                }
        );
        Assert.True(report.Status == "success", report.Detail);
        var workspace = Workspace;
        Assert.Contains(
            $"{workspace}/t|$HOME ${{KEY}} $$|$HOME||abc:::$x|{workspace}|$HOME ${{KEY}} $$|",
            Server.Log,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("echo SHIPINATOR_URL=x", "SHIPINATOR_URL")]
    [InlineData("echo CI_COMMIT_SHA=x", "CI_COMMIT_SHA")]
    [InlineData("echo LD_PRELOAD=/x.so", "'LD_PRELOAD' can't be exported to other steps; set it in the 'env'")]
    [InlineData("echo LD_AUDIT=/x.so", "LD_AUDIT")]
    [InlineData("echo LD_BIND_NOW=1", "LD_BIND_NOW")]
    [InlineData("echo LD_SHOW_AUXV=1", "LD_SHOW_AUXV")]
    [InlineData("echo DYLD_INSERT_LIBRARIES=/x.so", "DYLD_INSERT_LIBRARIES")]
    [InlineData("echo ENV=/x", "'ENV'")]
    [InlineData("echo BASH_ENV=/x", "BASH_ENV")]
    [InlineData("echo 'A B=x'", "line 1")]
    [InlineData("echo '; rm -rf /'", "line 1")]
    [InlineData("printf 'A<<X\\nnever ends\\n'", "no end")]
    [InlineData("printf 'A=a\\0b\\n'", "NUL")]
    [InlineData("printf 'A=\\377\\n'", "UTF-8")]
    [InlineData("head -c 70000 /dev/zero | tr '\\0' a", "at most 65536")]
    [InlineData("for i in $(seq 300); do echo V$i=x; done", "more than 200")]
    public async Task EnvFile_WithAnInvalidEntry_FailsTheStepAndExportsNothing(string write, string expected)
    {
        var report = await StepAsync("one", $"echo GOOD=x >> \"$SHIPINATOR_OUTPUT\"; {write} > \"$SHIPINATOR_ENV\"");
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("$SHIPINATOR_ENV", report.Detail, StringComparison.Ordinal);
        Assert.Contains(expected, report.Detail, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(JobFolder, "handed-on")));
    }

    [Theory]
    [InlineData("ln -sf /etc/passwd \"$SHIPINATOR_ENV\"", "link")]
    [InlineData("rm \"$SHIPINATOR_ENV\"; mkfifo \"$SHIPINATOR_ENV\"", "not a regular file")]
    [InlineData("rm \"$SHIPINATOR_ENV\"; mkdir \"$SHIPINATOR_ENV\"", "not a regular file")]
    [InlineData("truncate -s 5G \"$SHIPINATOR_ENV\"", "at most 65536")]
    public async Task EnvFile_Replaced_FailsTheStepAndNothingHangs(string replace, string expected)
    {
        var report = await StepAsync("one", replace);
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains(expected, report.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ln -sf /etc/passwd FILE", "link")]
    [InlineData("rm FILE; mkfifo FILE", "not a regular file")]
    [InlineData("echo '{\"Variables\":[{\"Name\":\"A\"}' > FILE", "was changed")]
    [InlineData("truncate -s 5G FILE", "at most")]
    public async Task StoredExports_ReplacedByAnotherStep_FailTheLaterStep(string replace, string expected)
    {
        await StepAsync("one", "echo A=x >> \"$SHIPINATOR_ENV\"");
        var file = Directory.GetFiles(Path.Combine(JobFolder, "handed-on")).Single();
        await StepAsync("evil", replace.Replace("FILE", file, StringComparison.Ordinal));
        var report = await StepAsync("two", "echo ran");
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains($"step one", report.Detail, StringComparison.Ordinal);
        Assert.Contains(expected, report.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("ran", Server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("root:", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StoredExports_WithNamesThatNoRunnerWrites_AreIgnored()
    {
        await StepAsync("one", "echo A=x >> \"$SHIPINATOR_ENV\"");
        var file = Directory.GetFiles(Path.Combine(JobFolder, "handed-on")).Single();
        await StepAsync(
            "evil",
            $"echo '{{\"Variables\":[{{\"Name\":\"LD_PRELOAD\",\"Value\":\"/evil.so\"}},{{\"Name\":\"OK\","
                + $"\"Value\":\"y\"}}],\"Outputs\":[]}}' > {file}"
        );
        await StepAsync("two", "echo \"[$OK$LD_PRELOAD]\"");
        Assert.Contains("[y]", Server.Log, StringComparison.Ordinal);
    }

    /// <summary>Search paths and options of languages are what builds export; they are no more than <c>PATH</c> is.</summary>
    [Fact]
    public async Task EnvFile_SearchPathsAndOptionsOfLanguages_ReachLaterSteps()
    {
        string[] names = ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "NODE_OPTIONS", "PYTHONPATH", "PERL5LIB", "GIT_SSH_COMMAND"];
        await StepAsync("one", string.Join('\n', names.Select(n => $"echo {n}=/of-{n} >> \"$SHIPINATOR_ENV\"")));
        await StepAsync("two", "env");
        Assert.All(names, n => Assert.Contains($"\n{n}=/of-{n}\n", "\n" + Server.Log, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("rm -r FOLDER; ln -s /tmp FOLDER", "replaced the folder")]
    [InlineData("rm -r FOLDER; ln -s nowhere FOLDER", "replaced the folder")]
    [InlineData("rm -r FOLDER; echo > FOLDER", "replaced the folder")]
    [InlineData("rm -r FOLDER; mkfifo FOLDER", "replaced the folder")]
    [InlineData("rm -r FOLDER", "removed the folder")]
    [InlineData("mkdir -p FOLDER/$SHIPINATOR_EXECUTION_ID.json/x", "changed or removed")]
    [InlineData("mkdir -p FOLDER/$SHIPINATOR_EXECUTION_ID.json.new/x", "changed or removed")]
    public async Task ExportsFolder_ChangedByTheStep_IsAConfigError(string change, string expected)
    {
        var folder = Path.Combine(JobFolder, "handed-on");
        await StepAsync("one", "echo A=x >> \"$SHIPINATOR_ENV\"");
        var report = await StepAsync(
            "evil",
            "echo B=y >> \"$SHIPINATOR_ENV\"; " + change.Replace("FOLDER", folder, StringComparison.Ordinal)
        );
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains(folder, report.Detail, StringComparison.Ordinal);
        Assert.Contains(expected, report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ExportsFolder_ReplacedBeforeALaterStep_FailsThatStep()
    {
        var folder = Path.Combine(JobFolder, "handed-on");
        await StepAsync("one", "echo A=x >> \"$SHIPINATOR_ENV\"");
        Directory.Move(folder, folder + "-moved");
        Directory.CreateSymbolicLink(folder, folder + "-moved");
        var report = await StepAsync("two", "echo ran");
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("by a link", report.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("ran", Server.Log, StringComparison.Ordinal);
    }

    /// <summary>A link in the place of the file to write would let the runner write elsewhere.</summary>
    [Fact]
    public async Task StoredExports_LinkInPlaceOfTheNewFile_IsNotFollowed()
    {
        var target = Path.Combine(Root, "target");
        await File.WriteAllTextAsync(target, "mine", TestContext.Current.CancellationToken);
        var folder = Path.Combine(JobFolder, "handed-on");
        await StepAsync(
            "one",
            $"echo A=x >> \"$SHIPINATOR_ENV\"; mkdir -p {folder}; ln -s {target} {folder}/$SHIPINATOR_EXECUTION_ID.json.new"
        );
        Assert.Equal("mine", await File.ReadAllTextAsync(target, TestContext.Current.CancellationToken));
        await StepAsync("two", "echo \"[$A]\"");
        Assert.Contains("[x]", Server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FailedStep_ExportsToStepsThatRunAfterAFailure()
    {
        Assert.Equal("failed", (await StepAsync("one", "echo WHY=disk >> \"$SHIPINATOR_ENV\"; exit 3")).Status);
        await StepAsync("two", "echo \"[$WHY]\" > told");
        Assert.Equal("[disk]\n", await File.ReadAllTextAsync(Path.Combine(Workspace, "told"), TestContext.Current.CancellationToken));
    }

    private async Task<StatusReport> StepAsync(
        string name,
        string script,
        Func<ClaimResponse, ClaimResponse>? change = null,
        bool givesVariables = true
    )
    {
        var id = Guid.CreateVersion7().ToString();
        var work = Work(script) with
        {
            ExecutionId = id,
            StepName = name,
            Earlier = [.. _earlier.Select(e => e with { GivesVariables = givesVariables })],
        };
        Server.Work[id] = change is null ? work : change(work);
        _earlier.Add(new() { StepName = name, ExecutionId = id });
        using var runner = Process.Start(Command("work", id))!;
        await WaitForExitAsync(runner);
        return Server.Reports.Single(r => r.Execution == id).Report;
    }
}
