using System.Diagnostics;
using Shipinator.Client;

namespace Shipinator.Runner.Tests;

/// <summary>What steps of one job leave for each other, with a runner process for each step and one job folder.</summary>
public sealed class HandedOnTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private readonly string _job = Directory.CreateTempSubdirectory("ship-handed-").FullName;
    private readonly List<EarlierResponse> _earlier = [];
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await FakeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_job, recursive: true);
    }

    [Fact]
    public async Task Variables_OfEarlierSteps_AreTheLaterOnesInOrder()
    {
        await StepAsync(
            "one",
            "echo VERSION=1.2=3 >> \"$SHIPINATOR_ENV\"; printf '# no name\\n\\nNOTES<<END\\nfirst $HOME\\nEND of it\\nEND\\r\\nWHO=one\\r\\n' >> \"$SHIPINATOR_ENV\""
        );
        await StepAsync("two", "echo WHO=two > \"$SHIPINATOR_ENV\"; echo PATH=/handed:$PATH >> \"$SHIPINATOR_ENV\"");
        var report = await StepAsync(
            "three",
            "echo \"[$VERSION|$NOTES|$WHO|${PATH%%:*}|$SET]\"",
            w => w with { Env = new Dictionary<string, string> { ["SET"] = "file" } }
        );
        Assert.Equal("success", report.Status);
        Assert.Contains("[1.2=3|first $HOME\nEND of it|two|/handed|file]\n", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_WhatTheFileSets_Wins()
    {
        await StepAsync("one", "echo WHO=one >> \"$SHIPINATOR_ENV\"");
        await StepAsync("two", "echo \"[$WHO]\"", w => w with { Env = new Dictionary<string, string> { ["WHO"] = "file" } });
        Assert.Contains("[file]", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Variables_ForAStepWithASecretOfItsOwn_AreOnlyWhatItNamesAndNeverWhatTheImageHas()
    {
        await StepAsync(
            "one",
            "echo VERSION=1 >> \"$SHIPINATOR_ENV\"; echo HTTPS_PROXY=http://evil >> \"$SHIPINATOR_ENV\"; echo PATH=/evil >> \"$SHIPINATOR_ENV\""
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
        Assert.Contains("[v1|||", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("evil", _server.Log, StringComparison.Ordinal);
        Assert.Contains(":/more]", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Values_ThatHoldASecret_AreMaskedInLaterSteps()
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
        Assert.Contains("[********][********]", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Expressions_AreFinishedOnceAndWithoutSecretsAndSiblings()
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
        var workspace = Path.Combine(_job, "workspace");
        Assert.Contains(
            $"{workspace}/t|$HOME ${{KEY}} $$|$HOME||abc:::$x|{workspace}|$HOME ${{KEY}} $$|",
            _server.Log,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("echo SHIPINATOR_URL=x", "SHIPINATOR_URL")]
    [InlineData("echo CI_COMMIT_SHA=x", "CI_COMMIT_SHA")]
    [InlineData("echo LD_PRELOAD=/x.so", "LD_PRELOAD")]
    [InlineData("echo BASH_ENV=/x", "BASH_ENV")]
    [InlineData("echo 'A B=x'", "line 1")]
    [InlineData("echo '; rm -rf /'", "line 1")]
    [InlineData("printf 'A<<X\\nnever ends\\n'", "no end")]
    [InlineData("printf 'A=a\\0b\\n'", "NUL")]
    [InlineData("printf 'A=\\377\\n'", "UTF-8")]
    [InlineData("head -c 70000 /dev/zero | tr '\\0' a", "at most 65536")]
    [InlineData("for i in $(seq 300); do echo V$i=x; done", "more than 200")]
    public async Task EnvFile_WithWhatCannotBeHandedOn_FailsTheStepAndGivesNothing(string write, string told)
    {
        var report = await StepAsync("one", $"echo GOOD=x >> \"$SHIPINATOR_OUTPUT\"; {write} > \"$SHIPINATOR_ENV\"");
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains("$SHIPINATOR_ENV", report.Detail, StringComparison.Ordinal);
        Assert.Contains(told, report.Detail, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_job, "handed-on")));
    }

    [Theory]
    [InlineData("ln -sf /etc/passwd \"$SHIPINATOR_ENV\"", "link")]
    [InlineData("rm \"$SHIPINATOR_ENV\"; mkfifo \"$SHIPINATOR_ENV\"", "no regular file")]
    [InlineData("rm \"$SHIPINATOR_ENV\"; mkdir \"$SHIPINATOR_ENV\"", "no regular file")]
    [InlineData("truncate -s 5G \"$SHIPINATOR_ENV\"", "at most 65536")]
    public async Task EnvFile_ReplacedBySomethingElse_FailsTheStepAndNothingHangs(string replace, string told)
    {
        var report = await StepAsync("one", replace);
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains(told, report.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ln -sf /etc/passwd FILE", "link")]
    [InlineData("rm FILE; mkfifo FILE", "no regular file")]
    [InlineData("echo '{\"Variables\":[{\"Name\":\"A\"}' > FILE", "it was changed")]
    [InlineData("truncate -s 5G FILE", "at most")]
    public async Task WhatWasLeft_ReplacedByAnotherStep_FailsTheLaterStepInWords(string replace, string told)
    {
        await StepAsync("one", "echo A=x >> \"$SHIPINATOR_ENV\"");
        var file = Directory.GetFiles(Path.Combine(_job, "handed-on")).Single();
        await StepAsync("evil", replace.Replace("FILE", file, StringComparison.Ordinal));
        var report = await StepAsync("two", "echo ran");
        Assert.Equal(("failed", "config_error"), (report.Status, report.Reason));
        Assert.Contains($"step one", report.Detail, StringComparison.Ordinal);
        Assert.Contains(told, report.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("ran", _server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("root:", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatWasLeft_WithNamesThatNoRunnerWrites_IsNotTaken()
    {
        await StepAsync("one", "echo A=x >> \"$SHIPINATOR_ENV\"");
        var file = Directory.GetFiles(Path.Combine(_job, "handed-on")).Single();
        await StepAsync(
            "evil",
            $"echo '{{\"Variables\":[{{\"Name\":\"LD_PRELOAD\",\"Value\":\"/evil.so\"}},{{\"Name\":\"OK\",\"Value\":\"y\"}}],\"Outputs\":[]}}' > {file}"
        );
        await StepAsync("two", "echo \"[$OK$LD_PRELOAD]\"");
        Assert.Contains("[y]", _server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FailedStep_HandsOnToStepsThatRunAfterAFailure()
    {
        Assert.Equal("failed", (await StepAsync("one", "echo WHY=disk >> \"$SHIPINATOR_ENV\"; exit 3")).Status);
        await StepAsync("two", "echo \"[$WHY]\" > told");
        Assert.Equal(
            "[disk]\n",
            await File.ReadAllTextAsync(Path.Combine(_job, "workspace", "told"), TestContext.Current.CancellationToken)
        );
    }

    private async Task<StatusReport> StepAsync(
        string name,
        string script,
        Func<ClaimResponse, ClaimResponse>? change = null,
        bool givesVariables = true
    )
    {
        var id = Guid.CreateVersion7().ToString();
        var work = new ClaimResponse
        {
            ExecutionId = id,
            StepName = name,
            JobId = "j",
            JobAttempt = 1,
            Script = script,
            Env = new Dictionary<string, string>(),
            Secrets = new Dictionary<string, string>(),
            TimeoutSeconds = 60,
            GraceSeconds = 5,
            Inputs = [],
            Outputs = [],
            Earlier = [.. _earlier.Select(e => e with { GivesVariables = givesVariables })],
        };
        _server.Work[id] = change is null ? work : change(work);
        _earlier.Add(new() { StepName = name, ExecutionId = id });
        var start = new ProcessStartInfo("dotnet", [FakeServer.Program, "work"]);
        start.Environment["SHIPINATOR_URL"] = _server.Url.ToString();
        start.Environment["SHIPINATOR_EXECUTION_ID"] = id;
        start.Environment["SHIPINATOR_TOKEN"] = "shx_test-token-of-this-execution";
        start.Environment["SHIPINATOR_JOB_DIR"] = _job;
        using var runner = Process.Start(start)!;
        using var patience = new CancellationTokenSource(Patience);
        await runner.WaitForExitAsync(patience.Token);
        return _server.Reports.Single(r => r.Execution == id).Report;
    }
}
