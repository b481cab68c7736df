namespace Shipinator.Pipelines.Tests;

/// <summary>Warnings about scripts, and the shells that run them.</summary>
public sealed class ScriptCheckTests
{
    [Theory]
    [InlineData("if [[ -n \"$x\" ]]; then echo y; fi", "[[")]
    [InlineData("set -euo pipefail", "pipefail")]
    [InlineData("set -o pipefail\nmake | tee log", "pipefail")]
    [InlineData("files=(a b)", "files=(")]
    [InlineData("diff <(sort a) <(sort b)", "<(")]
    [InlineData("cat <<< \"$x\"", "<<<")]
    [InlineData("x=$(if [[ a ]]; then echo; fi)", "[[")]
    [InlineData("echo ${x//a/b}", "${x//a/b}")]
    [InlineData("echo \"${x^^}\"", "${x^^}")]
    [InlineData("echo ${x:0:3}", "${x:0:3}")]
    [InlineData("echo ${a[0]}", "${a[0]}")]
    [InlineData("echo ${!x}", "${!x}")]
    [InlineData("source ./env.sh", "source")]
    [InlineData("function f { :; }", "function")]
    [InlineData("make &> log", "&>")]
    [InlineData("if [ a == b ]; then :; fi", "==")]
    [InlineData("x+=1", "x+=")]
    [InlineData("((i++))", "((")]
    [InlineData("mkdir -p out/{a,b}", "out/{a,b}")]
    [InlineData("echo {1..3}", "{1..3}")]
    [InlineData("printf $'a\\n'", "$'")]
    public void Script_BashConstructUnderSh_IsReportedAtItsPosition(string script, string part)
    {
        var warning = Assert.Single(Warnings(script));
        Assert.Equal("bash_in_sh", warning.Code);
        Assert.Contains($"'{part}'", warning.Message, StringComparison.Ordinal);
        Assert.Contains("shell: bash", warning.Message, StringComparison.Ordinal);
        var lines = File(script).Split('\n');
        Assert.StartsWith(part[..1], lines[warning.Line - 1][(warning.Column - 1)..], StringComparison.Ordinal);
        Assert.Empty(Warnings("#!/usr/bin/env bash\n" + script));
        Assert.Empty(Warnings(script, "shell: bash, "));
    }

    [Theory]
    [InlineData("(make; exit 1) | tee log")]
    [InlineData("make test | tee log")]
    [InlineData("make test 2>&1 |\n  tee log")]
    [InlineData("cd src; make | ts && echo ok")]
    [InlineData("for x in a b; do make $x | tee log; done")]
    [InlineData("CC=gcc make | tee log")]
    [InlineData("case $x in\n  a|b) make | tee log ;;\nesac")]
    public void Script_PipeUnderSh_IsReportedAtThePipe(string script)
    {
        var warning = Assert.Single(Warnings(script));
        Assert.Equal("pipe_hides_failure", warning.Code);
        Assert.Equal('|', File(script).Split('\n')[warning.Line - 1][warning.Column - 1]);
        Assert.Empty(Warnings(script, "shell: bash, "));
    }

    [Theory]
    [InlineData("echo '[[ x ]] | tee' \"a | b ${x:-y}\" # set -o pipefail [[ ")]
    [InlineData("cat <<EOF | sort\n[[ not a command ]]\nmake | tee\nEOF\necho done")]
    [InlineData("cat <<-'E O'\n\t[[\n\tE O\necho")]
    [InlineData("if make -n | grep -q x; then :; fi")]
    [InlineData("x=$(make | tail -n 1)")]
    [InlineData("make | tee log || exit 1")]
    [InlineData("case $x in a|b) echo;; (c|d) echo;; esac")]
    [InlineData("echo a | sort")]
    [InlineData("x=$((1 + 2)); [ \"$x\" = 3 ]")]
    [InlineData("f() { echo; }; f")]
    [InlineData("echo ${x:-a} ${x%.*} ${#x} ${x##*/} ${x:+b}")]
    [InlineData("find . -name '*.{a,b}' -exec echo {} \\;")]
    [InlineData("echo { a, b }")]
    [InlineData("make 2>&1 >log & wait")]
    [InlineData("! make | grep -q error")]
    public void Script_Posix_HasNoWarnings(string script) => Assert.Empty(Warnings(script));

    [Theory]
    [InlineData("'")]
    [InlineData("\"$(")]
    [InlineData("${")]
    [InlineData("$((")]
    [InlineData("cat <<")]
    [InlineData("a \\")]
    [InlineData("case x in")]
    [InlineData(") ) ;; esac |")]
    [InlineData("`\\")]
    [InlineData("$(\"\\")]
    public void Script_Unclosed_IsReadToItsEnd(string script) => Assert.NotNull(PipelineFile.Parse(File(script)).Model);

    [Fact]
    public void Shell_OfFileJobAndStep_InnermostWins()
    {
        const string file = """
            shell: bash
            build:
              jobs:
                a:
                  shell: python3
                  steps:
                    - { name: one, run: print(1) }
                    - { name: two, run: make, shell: sh }
                    - { name: three, run: x, shell: [ruby, -w] }
                    - { name: four, command: [x] }
                    - { name: five, run: "#!/bin/sh\nmake" }
                b: { steps: [ { name: six, run: make } ] }
            deploy: { artifact: file }
            """;
        var plan = RunPlanner.Plan(PipelineFile.Parse(file).Model!, Table.Facts(""), Table.Settings).Plan!;
        Assert.Equal(
            ["python3", "", "ruby -w", "", "", "bash -euo pipefail", ""],
            plan.Jobs.SelectMany(j => j.Steps).Select(s => string.Join(' ', s.Shell ?? []))
        );
    }

    [Theory]
    [InlineData("shell: fish, run: x", "bad_value")]
    [InlineData("shell: bash, command: [x]", "conflict")]
    [InlineData("shell: python3, run: 'print(\"{{ .branch }}\")'", "template_not_here")]
    [InlineData("run: \"#!/usr/bin/env -S python3 -u\\nprint('{{ .branch }}')\"", "template_not_here")]
    [InlineData("shell: [], run: x", "bad_length")]
    public void Shell_Invalid_IsAnError(string step, string code)
    {
        var error = Assert.Single(PipelineFile.Parse($"build:\n  steps:\n    - {{ name: a, {step} }}\n").Errors);
        Assert.Equal((code, 3), (error.Code, error.Line));
        Assert.True(error.Column > 5);
    }

    [Fact]
    public void Shell_WithAShebangLine_HasAWarning() =>
        Assert.Equal("shell_ignored", Assert.Single(Warnings("#!/bin/sh\nmake", "shell: bash, ")).Code);

    private static IReadOnlyList<PipelineError> Warnings(string script, string more = "")
    {
        var read = PipelineFile.Parse(File(script, more));
        Assert.Empty(read.Errors);
        return read.Warnings;
    }

    private static string File(string script, string more = "") =>
        $"build:\n  steps:\n    - name: a\n{(more.Length == 0 ? "" : $"      {more.TrimEnd(' ', ',')}\n")}      run: "
        + $"|\n{string.Concat(script.Split('\n').Select(l => $"        {l}\n"))}";
}
