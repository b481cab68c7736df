using System.Globalization;

namespace Shipinator.Pipelines;

/// <summary>Reads the steps of one job.</summary>
internal sealed class StepReader(ErrorList errors, TemplateScope scope, string path)
{
    private static readonly HashSet<string> Interpreters = new(StringComparer.Ordinal)
    {
        "ash",
        "bash",
        "busybox",
        "cmd",
        "dash",
        "deno",
        "env",
        "fish",
        "ksh",
        "lua",
        "node",
        "perl",
        "php",
        "powershell",
        "pwsh",
        "python",
        "python3",
        "ruby",
        "sh",
        "zsh",
    };

    private string? _lastParallel;
    private string? _group;
    private int _order = -1;
    private int _autoGroups;
    private readonly HashSet<string> _namedGroups = new(StringComparer.Ordinal);
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);

    public List<StepModel> ReadAll(YamlSequence list, StepDefaults outer, TimeSpan jobTimeout)
    {
        var steps = new List<StepModel>();
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        _written.UnionWith(list.Items.OfType<YamlMapping>().Select(m => m.Text("parallel")).OfType<string>());
        for (var i = 0; i < Math.Min(list.Items.Count, PipelineLimits.StepsOfJob); i++)
        {
            if (list.Items[i] is not YamlMapping map)
            {
                continue;
            }

            errors.ThrowIfCanceled();
            var place = $"{path}[{i}]";
            Group(map, place);
            scope.EarlierSteps = [.. steps.Where(s => s.Order < _order).Select(s => s.Name)];
            var step = Read(map, place, outer, jobTimeout);
            if (step.Name.Length > 0 && !names.TryAdd(step.Name, map.Line))
            {
                errors.Add(
                    "duplicate_name",
                    $"{place}.name: the step name '{Phrases.Shorten(step.Name)}' is already used in line {names[step.Name]}; choose "
                        + $"another.",
                    step.At
                );
            }

            steps.Add(step);
        }

        // A group of one runs alone.
        var sizes = steps.GroupBy(s => s.Order).ToDictionary(g => g.Key, g => g.Count());
        return [.. steps.Select(s => sizes[s.Order] > 1 ? s : s with { ParallelGroup = null })];
    }

    public static IReadOnlyList<WhenClause> ReadWhen(YamlMapping map) =>
        [
            .. (map.Items("when") ?? [])
                .OfType<YamlMapping>()
                .Select(w => new WhenClause(
                    w.Globs("branch"),
                    w.Globs("tag"),
                    w.Texts("event"),
                    w.Globs("path"),
                    Statuses(w.Texts("status"))
                )),
        ];

    private static IReadOnlyList<string>? Statuses(IReadOnlyList<string>? words) =>
        words?.Contains("always") == true ? ["success", "failure"] : words;

    public static RetryPlan? ReadRetry(YamlMapping map)
    {
        if (map.Find("retry") is YamlScalar)
        {
            return map.Number("retry") is { } max ? Retry(max, null, null) : null;
        }

        return map.Map("retry") is { } retry ? Retry(retry.Number("max") ?? 1, retry.Items("on"), retry.Duration("backoff")) : null;
    }

    private static RetryPlan Retry(int max, IReadOnlyList<YamlNode>? on, TimeSpan? backoff)
    {
        var words =
            on?.OfType<YamlScalar>().Select(s => s.Value).ToHashSet(StringComparer.Ordinal) ?? ["infrastructure", "failure", "timeout"];
        var codes = (on ?? [])
            .OfType<YamlMapping>()
            .SelectMany(m => m.Texts("exit_code") ?? [])
            .Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : 0)
            .Where(c => c > 0);
        var plan = new RetryPlan
        {
            Max = max,
            OnInfrastructure = words.Contains("infrastructure"),
            OnFailure = words.Contains("failure"),
            OnTimeout = words.Contains("timeout"),
            OnExitCodes = [.. codes.Distinct().Order()],
        };
        return backoff is { } wait ? plan with { Backoff = wait } : plan;
    }

    private StepModel Read(YamlMapping map, string place, StepDefaults outer, TimeSpan jobTimeout)
    {
        var at = new Located("", map.Line, map.Column, place);
        var timeout = map.Duration("timeout");
        if (timeout > jobTimeout)
        {
            var node = map.Find("timeout")!;
            errors.Add(
                "bad_value",
                $"{place}.timeout: {Durations.Write(timeout.Value)} is longer than the job's timeout of {Durations.Write(jobTimeout)}; "
                    + "increase 'timeout' of the job or of the file.",
                node.Line,
                node.Column,
                $"{place}.timeout"
            );
        }

        var command = scope.ReadList(map, "command", place, Runtime.All);
        var defaults = JobReader.Over(outer, map, scope, place, errors);
        var step = new StepModel
        {
            Name = map.Text("name") ?? "",
            At = at,
            Order = _order,
            ParallelGroup = _group,
            Defaults = defaults,
            Run = scope.Read(map, "run", place, Runtime.All),
            Shell = ReadShell(map, place, defaults.Shell ?? ShellModel.Default),
            Command = command,
            Timeout = timeout,
            Retry = ReadRetry(map),
            AllowFailure = map.Flag("allow_failure") ?? false,
            When = ReadWhen(map),
            Outputs = [.. ReadOutputs(map, "outputs", place), .. ReadOutputs(map, "artifacts", place)],
            Inputs = ReadInputs(map, place),
            Cache = map.Map("cache") is { } cache
                ? new CacheModel(
                    scope.ReadList(cache, "key", $"{place}.cache", Runtime.Workspace) ?? [],
                    scope.ReadList(cache, "paths", $"{place}.cache", Runtime.Workspace) ?? []
                )
                {
                    RestoreKeys = scope.ReadList(cache, "restore_keys", $"{place}.cache", Runtime.Workspace) ?? [],
                }
                : null,
            Resources = map.Map("resources") is { } resources ? new ResourcesPlan(resources.Text("cpu"), resources.Text("memory")) : null,
            Workdir = scope.Read(map, "workdir", place, Runtime.Workspace),
        };
        CheckBody(map, at, command);
        return step;
    }

    /// <summary>The <c>#!</c> line of a script wins over any <c>shell</c>.</summary>
    private ShellModel? ReadShell(YamlMapping map, string place, ShellModel shell)
    {
        if (map.Find("run") is not YamlScalar script)
        {
            if (map.Find("shell") is { } unused && map.Has("command"))
            {
                errors.Add(
                    "conflict",
                    $"{place}.shell: a 'command' runs without a shell; use 'run', or remove 'shell'.",
                    unused.Line,
                    unused.Column,
                    $"{place}.shell"
                );
            }

            return null;
        }

        var named = ShellModel.OfShebang(script.Value);
        var by = named ?? shell;
        if (named is not null && map.Find("shell") is { } ignored)
        {
            errors.Warn(
                "shell_ignored",
                $"{place}.shell: ignored because the script starts with '#!'; remove one of the two.",
                ignored.Line,
                ignored.Column,
                $"{place}.shell"
            );
        }

        if (!by.IsShell && Template.Names(script.Value).FirstOrDefault() is { } template)
        {
            errors.Add(
                "template_not_here",
                $"a script for {Phrases.Shorten(by.Name)} can't contain a template, because templates become shell variables; set it in "
                    + $"'env' "
                    + $"(for example VALUE: \"{{{{ .{Phrases.Shorten(template)} }}}}\") and read the environment variable.",
                script,
                Math.Max(0, script.Value.IndexOf("{{", StringComparison.Ordinal)),
                "{{",
                $"{place}.run"
            );
        }

        if (by.IsSh)
        {
            new ScriptChecker(errors).Check(script, $"{place}.run");
        }

        return named is null && shell.Command.Count > 0 ? shell : null;
    }

    private void CheckBody(YamlMapping map, Located at, IReadOnlyList<Located>? command)
    {
        if (map.Has("run") == map.Has("command"))
        {
            errors.Add(
                map.Has("run") ? "conflict" : "missing_key",
                map.Has("run")
                    ? $"{at.Path}: 'run' and 'command' can't be combined; remove one of them."
                    : $"{at.Path}: 'run' or 'command' is required.",
                at
            );
        }

        // A template as the program, or inside a script argument, would let a branch name run commands.
        if (
            command is [var program, ..]
            && Template.Names(program.Value).Any(n => n != Template.Workspace && !n.StartsWith("matrix.", StringComparison.Ordinal))
        )
        {
            errors.Add(
                "template_not_here",
                $"{program.Path}: the program can't come from a template other than 'matrix' and 'workspace'.",
                program
            );
        }

        var script = command
            ?.SkipWhile(a => !Interpreters.Contains(a.Value[(a.Value.LastIndexOf('/') + 1)..]))
            .SkipWhile(a => !(a.Value is ['-', not '-', ..] && a.Value[^1] is 'c' or 'e' or 'r'))
            .Skip(1)
            .FirstOrDefault();
        if (script is not null && Template.Names(script.Value).Any(n => !n.StartsWith("matrix.", StringComparison.Ordinal)))
        {
            errors.Add(
                "template_not_here",
                $"{script.Path}: a script passed as an argument can't contain a template, because a branch name could become a command; "
                    + "use 'run', where templates are passed as environment variables.",
                script
            );
        }
    }

    private void Group(YamlMapping map, string place)
    {
        var parallel = map.Text("parallel");
        if (parallel is null or "false")
        {
            _group = null;
            _order++;
        }
        else if (parallel != _lastParallel)
        {
            _order++;
            _group = parallel == "true" ? NextGroup() : parallel;
            if (!_namedGroups.Add(_group))
            {
                var node = map.Find("parallel")!;
                errors.Add(
                    "split_group",
                    $"{place}.parallel: the steps of group '{Phrases.Shorten(parallel)}' are not adjacent; "
                        + "move this step next to the others, or choose another name.",
                    node.Line,
                    node.Column,
                    $"{place}.parallel"
                );
            }
        }

        _lastParallel = parallel == "false" ? null : parallel;
    }

    /// <summary>A generated name for a group of steps with <c>parallel: true</c>; it differs from every name in the file.</summary>
    private string NextGroup()
    {
        string name;
        do
        {
            name = string.Create(CultureInfo.InvariantCulture, $"parallel-{++_autoGroups}");
        } while (_written.Contains(name));

        return name;
    }

    private IEnumerable<OutputModel> ReadOutputs(YamlMapping map, string key, string place)
    {
        foreach (var (output, i) in (map.Items(key) ?? []).Select((n, i) => (n as YamlMapping, i)))
        {
            if (output is null)
            {
                continue;
            }

            var here = $"{place}.{key}[{i}]";
            var at = new Located("", output.Line, output.Column, here);
            var type = ArtifactTypes.Canonical(output.Text("type") ?? "");
            var pathKey = output.Has("paths") ? "paths" : "path";
            if (output.Has("path") && output.Has("paths"))
            {
                errors.Add("conflict", $"{here}: 'path' and 'paths' mean the same; put all paths into one of them.", at);
            }
            else if (output.Has(pathKey) == output.Has("ref"))
            {
                errors.Add(
                    output.Has("ref") ? "conflict" : "missing_key",
                    output.Has("ref")
                        ? $"{here}: '{pathKey}' and 'ref' can't be combined; remove one of them."
                        : $"{here}: 'path' (or 'ref', for an image or chart) is required.",
                    at
                );
            }
            else if (output.Has("ref") && !ArtifactTypes.MayBeRef(type))
            {
                errors.Add("conflict", $"{here}: 'ref' is for images and charts that were pushed elsewhere; '{type}' requires 'path'.", at);
            }

            var (when, optional) = (OutputWhen(output.Text("when")), output.Flag("optional") ?? false);
            if (scope.ReadList(output, pathKey, here, Runtime.Workspace) is not { } paths)
            {
                yield return new OutputModel(type, null, scope.Read(output, "ref", here), when, optional);
                continue;
            }

            foreach (var one in paths)
            {
                yield return new OutputModel(type, one, scope.Read(output, "ref", here), when, optional);
            }
        }
    }

    private static StepCondition? OutputWhen(string? word) =>
        word switch
        {
            "always" => new(Success: true, Failure: true),
            "failure" => new(Success: false, Failure: true),
            "success" => StepCondition.OnSuccess,
            _ => null,
        };

    private List<InputModel> ReadInputs(YamlMapping map, string place)
    {
        var inputs = new List<InputModel>();
        foreach (var (input, i) in (map.Items("inputs") ?? []).Select((n, i) => (n as YamlMapping, i)))
        {
            if (input is null)
            {
                continue;
            }

            var here = $"{place}.inputs[{i}]";
            if (!input.Has("type") && !input.Has("step") && !input.Has("id") && !input.Has("job") && !input.Has("matrix"))
            {
                errors.Add(
                    "missing_key",
                    $"{here}: the input does not say which artifacts; add 'type', 'step', 'job' or 'id'.",
                    input.Line,
                    input.Column,
                    here
                );
            }
            else if (input.Has("id") && (input.Has("job") || input.Has("matrix")))
            {
                errors.Add(
                    "conflict",
                    $"{here}: 'id' already names a single artifact; remove 'job' and 'matrix'.",
                    input.Line,
                    input.Column,
                    here
                );
            }

            inputs.Add(
                new InputModel(
                    input.Text("type") is { } type ? ArtifactTypes.Canonical(type) : null,
                    input.Text("step"),
                    scope.Read(input, "id", here),
                    scope.Read(input, "path", here, Runtime.Workspace)
                )
                {
                    Job = input.Text("job"),
                    Matrix =
                    [
                        .. input
                            .Entries("matrix")
                            .Select(e => (e.Key.Value, Value: scope.Read(e.Value, $"{here}.matrix.{Phrases.Shorten(e.Key.Value)}")!))
                            .Where(e => e.Value is not null),
                    ],
                    At = new("", input.Line, input.Column, here),
                }
            );
        }

        return inputs;
    }
}
