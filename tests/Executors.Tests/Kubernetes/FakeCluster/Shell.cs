using System.Globalization;
using System.Text.RegularExpressions;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Predicts what a container does from its command: supports the few shell commands that the recordings use.</summary>
internal sealed partial class Shell(IReadOnlyDictionary<string, string> variables, IDictionary<string, string> files, bool hasMemoryLimit)
{
    private readonly List<(TimeSpan At, string Text)> _said = [];
    private readonly Dictionary<string, string> _variables = new(variables, StringComparer.Ordinal);
    private readonly Dictionary<int, TimeSpan> _ports = [];
    private TimeSpan _now;
    private int? _exit;
    private bool _outOfMemory;

    /// <summary>What it writes and when, when it ends (never, if it does not), and how.</summary>
    public sealed record Course(
        IReadOnlyList<(TimeSpan At, string Text)> Said,
        TimeSpan Length,
        int ExitCode,
        string Reason,
        string? StartError = null
    )
    {
        /// <summary>When it starts to listen, and on which port.</summary>
        public IReadOnlyDictionary<int, TimeSpan> Ports { get; init; } = new Dictionary<int, TimeSpan>();
    }

    public Course Run(IReadOnlyList<string> command)
    {
        // A program that another container wrote is a script.
        var script =
            command is ["sh", "-c", var given, ..] ? given
            : files.TryGetValue(command[0], out var found) ? found.Trim()
            : null;
        if (script is null)
        {
            var missing = command[0];
            return new(
                [],
                TimeSpan.Zero,
                128,
                "StartError",
                $"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
                    + $"unable to start container process: exec: \"{missing}\": stat {missing}: no such file or directory"
            );
        }

        RunAll([.. Statement().Matches(script).Select(m => m.Value.Trim()).Where(s => s.Length > 0)]);
        return new(
            _said,
            _now,
            _exit ?? 0,
            _outOfMemory ? "OOMKilled"
                : (_exit ?? 0) == 0 ? "Completed"
                : "Error"
        )
        {
            Ports = _ports,
        };
    }

    private void RunAll(List<string> statements)
    {
        for (var i = 0; i < statements.Count && _exit is null; i++)
        {
            if (!statements[i].StartsWith("for ", StringComparison.Ordinal))
            {
                RunOne(statements[i]);
                continue;
            }

            var head = statements[i].Split(' ');
            var end = statements.Index().First(s => s.Index > i && s.Item == "done").Index;
            var body = statements.Take(end).Skip(i + 1).Select(s => s.StartsWith("do ", StringComparison.Ordinal) ? s[3..] : s).ToList();
            foreach (var value in head[3..])
            {
                _variables[head[1]] = value;
                RunAll(body);
            }

            i = end;
        }
    }

    private void RunOne(string statement)
    {
        string? target = null;
        if (Redirection().Match(statement) is { Success: true } redirection)
        {
            target = redirection.Groups["file"].Value;
            statement = statement[..redirection.Index].Trim();
        }

        var words = Word().Matches(statement).Select(m => Expand(m.Value)).ToList();
        switch (words)
        {
            case ["echo", .. var rest]:
                Say(string.Join(' ', rest) + "\n", target);
                break;
            case ["printf", var text]:
                Say(text, target);
                break;
            case ["sleep", var seconds]:
                _now += TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
                break;
            case ["cat", var file]:
                Say(files.TryGetValue(file, out var content) ? content : $"cat: can't open '{file}': No such file or directory\n", target);
                break;
            case ["ls", "-l", var folder]:
                Say("total 0\n", target);
                foreach (
                    var name in files
                        .Keys.Where(f => f.StartsWith(folder + "/", StringComparison.Ordinal))
                        .Select(f => f[(folder.Length + 1)..])
                        .Order(StringComparer.Ordinal)
                )
                {
                    Say($"lrwxrwxrwx    1 root     root            12 Jan  1 00:00 {name} -> ..data/{name}\n", target);
                }

                break;
            case ["tail", "/dev/zero"] when hasMemoryLimit:
                (_outOfMemory, _exit) = (true, 137);
                break;
            case ["nc", "-l", var port]:
                _ports[int.Parse(port, CultureInfo.InvariantCulture)] = _now;
                _now += TimeSpan.FromDays(1);
                break;
            case ["tail", "/dev/zero"]:
                _now += TimeSpan.FromDays(1);
                break;
            case ["exit", var code]:
                _exit = int.Parse(code, CultureInfo.InvariantCulture);
                break;
            case ["true"]:
                break;
            case ["false"]:
                _exit = 1;
                break;
            default:
                Say($"sh: {words.FirstOrDefault()}: not found\n", null);
                _exit = 127;
                break;
        }
    }

    private void Say(string text, string? target)
    {
        if (target is null or "&2")
        {
            _said.Add((_now, text));
        }
        else
        {
            files[target] = text;
        }
    }

    private string Expand(string word) =>
        Variable().Replace(word.Replace("\"", "", StringComparison.Ordinal), m => _variables.GetValueOrDefault(m.Groups[1].Value, ""));

    [GeneratedRegex("(\"[^\"]*\"|[^;\"])+")]
    private static partial Regex Statement();

    [GeneratedRegex("(\"[^\"]*\"|[^\\s\"])+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\s>\s*(?<file>\S+)\s*$")]
    private static partial Regex Redirection();

    [GeneratedRegex(@"\$([A-Za-z_]\w*)")]
    private static partial Regex Variable();
}
