namespace Shipinator.Pipelines;

/// <summary>
/// Warns about scripts that sh runs differently than intended: bash features, and pipes whose left side may fail unnoticed.
/// </summary>
internal sealed class ScriptChecker(ErrorList errors)
{
    private const int MostOfOneScript = 5;
    private const int DeepestSubstitution = 4;
    private const string UseBash = "Use 'shell: bash', or start the script with '#!/usr/bin/env bash'.";

    private static readonly HashSet<string> BashCommands = new(StringComparer.Ordinal)
    {
        "[[",
        "declare",
        "typeset",
        "shopt",
        "source",
        "pushd",
        "popd",
        "mapfile",
        "readarray",
        "let",
        "function",
        "select",
        "coproc",
        "compgen",
        "caller",
    };

    /// <summary>Commands that rarely fail, and whose failures show in their output.</summary>
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "echo",
        "printf",
        "cat",
        "yes",
        "true",
        ":",
        "ls",
        "seq",
        "env",
        "date",
        "pwd",
        "id",
        "whoami",
        "uname",
        "hostname",
        "set",
        "export",
    };

    private static readonly HashSet<string> Openers = new(StringComparer.Ordinal) { "then", "do", "else", "{", "!", "time" };

    private static readonly HashSet<string> Conditions = new(StringComparer.Ordinal) { "if", "elif", "while", "until" };

    public void Check(YamlScalar script, string path)
    {
        var findings = new Findings();
        Read(script.Value, 0, script.Value.Length, findings, depth: 0);
        foreach (var (index, part, code, message) in findings.All.OrderBy(f => f.Index).Take(MostOfOneScript))
        {
            errors.Warn(code, message, script, index, part, path);
        }
    }

    private static void Read(string script, int start, int end, Findings findings, int depth)
    {
        var tokens = new ShellTokens(script, start, end, findings.Bash);
        new Reading(findings, isInner: depth > 0).Run(tokens.Read(), script);
        if (depth < DeepestSubstitution)
        {
            foreach (var (from, to) in tokens.Inner)
            {
                Read(script, from, to, findings, depth + 1);
            }
        }
    }

    private sealed class Findings
    {
        private readonly HashSet<string> _kinds = new(StringComparer.Ordinal);

        public List<(int Index, string Part, string Code, string Message)> All { get; } = [];

        /// <summary>Each word is reported once.</summary>
        public void Bash(int index, string part)
        {
            if (All.Count < 50 && _kinds.Add(part))
            {
                All.Add(
                    (
                        index,
                        part,
                        "bash_in_sh",
                        $"'{Phrases.Shorten(part)}' is a bash feature, but this script is run by sh, which may not support it. {UseBash}"
                    )
                );
            }
        }

        public void Pipe(int index, string left)
        {
            if (All.Count < 50 && _kinds.Add("|"))
            {
                All.Add(
                    (
                        index,
                        "|",
                        "pipe_hides_failure",
                        $"if '{Phrases.Shorten(left)}' on the left of '|' fails, the script continues: sh checks only the last command of "
                            + $"a pipe. "
                            + "Use 'shell: bash', which stops the script (pipefail)."
                    )
                );
            }
        }

        public bool HasPipefail => _kinds.Contains("pipefail");
    }

    /// <summary>Reads one list of commands, and those nested in its parentheses.</summary>
    private sealed class Reading(Findings findings, bool isInner)
    {
        private readonly Stack<(string? First, int Pipe, bool InCondition)> _outer = new();
        private bool _isCommand = true;
        private bool _inCondition;
        private string? _first;
        private string? _command;
        private int _pipe = -1;
        private int _cases;
        private bool _inPattern;
        private ShellToken _last;

        public void Run(IEnumerable<ShellToken> tokens, string script)
        {
            foreach (var token in tokens)
            {
                if (token.IsOperator)
                {
                    Operator(token, script);
                }
                else
                {
                    Word(token);
                }

                _last = token;
            }

            EndPipe("\n");
        }

        private void Operator(ShellToken token, string script)
        {
            if (_inPattern)
            {
                // The patterns of a 'case' have their own bars and parentheses.
                if (token.Text == ")")
                {
                    _inPattern = false;
                    Begin();
                }

                return;
            }

            switch (token.Text)
            {
                case "<<<" or "<(" or ">(" or "&>" or "|&":
                    findings.Bash(token.Index, token.Text);
                    if (token.Text is "<(" or ">(")
                    {
                        Open("(");
                    }
                    else if (token.Text == "|&")
                    {
                        _isCommand = true;
                    }

                    break;
                case "(" when IsArray(token):
                    findings.Bash(_last.Index, _last.Text + "(");
                    Open("(");
                    _isCommand = false;
                    break;
                case "(" when _isCommand && token.Index + 1 < script.Length && script[token.Index + 1] == '(':
                    findings.Bash(token.Index, "((");
                    Open("(");
                    break;
                case "(":
                    Open("(");
                    break;
                case ")":
                    EndPipe("\n");
                    if (_outer.TryPop(out var outer))
                    {
                        (_first, _pipe, _inCondition) = outer;
                    }

                    _isCommand = false;
                    break;
                case "|":
                    _pipe = _pipe < 0 ? token.Index : _pipe;
                    _isCommand = true;
                    break;
                case "\n" when _last is { IsOperator: true, Text: "|" or "&&" or "||" or "|&" }:
                    break;
                case "\n" or ";" or "&" or "&&" or "||":
                    EndPipe(token.Text);
                    Begin();
                    break;
                case ";;":
                    EndPipe("\n");
                    Begin();
                    _inPattern = _cases > 0;
                    break;
                default:
                    break;
            }
        }

        private void Word(ShellToken token)
        {
            var text = token.Text;
            if (_inPattern)
            {
                if (text == "esac" && _isCommand)
                {
                    EndCase();
                }

                _isCommand = false;
                return;
            }

            if (_command == "case" && text == "in")
            {
                _cases++;
                _inPattern = true;
                _isCommand = true;
                _command = null;
                return;
            }

            if (text.StartsWith("pipefail", StringComparison.Ordinal) && _command == "set")
            {
                findings.Bash(token.Index, "pipefail");
            }

            if (_command == "[" && text == "==")
            {
                findings.Bash(token.Index, "==");
            }

            if (!_isCommand)
            {
                if (HasBraces(text))
                {
                    findings.Bash(token.Index, text);
                }

                return;
            }

            Command(token);
        }

        private void Command(ShellToken token)
        {
            var text = token.Text;
            if (Conditions.Contains(text))
            {
                _inCondition = true;
                return;
            }

            if (Openers.Contains(text))
            {
                _inCondition &= text is "!" or "time";
                _inCondition |= text == "!";
                return;
            }

            if (text == "esac")
            {
                EndCase();
                return;
            }

            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && text[..equals].All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '+' or '[' or ']' or '$' or '"'))
            {
                if (text[equals - 1] is '+' or ']')
                {
                    findings.Bash(token.Index, text[..(equals + 1)]);
                }

                // An assignment before a command, or alone.
                _first ??= "set";
                return;
            }

            if (BashCommands.Contains(text))
            {
                findings.Bash(token.Index, text);
            }

            _command = text;
            _first = _first is null or "set" && _pipe < 0 ? text : _first;
            _isCommand = false;
        }

        private void EndCase()
        {
            _cases = Math.Max(0, _cases - 1);
            _inPattern = false;
            _isCommand = false;
        }

        private void Begin()
        {
            _isCommand = true;
            _first = null;
            _command = null;
            _pipe = -1;
        }

        private void Open(string first)
        {
            // The pipes of a group are checked as well; the group as a whole is one command of the outer list.
            _outer.Push((_first ?? first, _pipe, _inCondition));
            Begin();
        }

        private void EndPipe(string by)
        {
            if (
                _pipe >= 0
                && !isInner
                && !_inCondition
                && by != "||"
                && _first is { } left
                && !Harmless.Contains(left)
                && !findings.HasPipefail
            )
            {
                findings.Pipe(_pipe, left == "(" ? "( … )" : left);
            }

            _pipe = -1;
        }

        private bool IsArray(ShellToken token) =>
            !_last.IsOperator && _last.Text is [.., '='] && _last.Index + _last.Text.Length == token.Index;

        /// <summary><c>{a,b}</c> and <c>{1..9}</c>, which sh does not expand.</summary>
        private static bool HasBraces(string word)
        {
            var open = word.IndexOf('{', StringComparison.Ordinal);
            var close = open < 0 ? -1 : word.IndexOf('}', open);
            if (close < 0 || (open > 0 && word[open - 1] == '$'))
            {
                return false;
            }

            var inside = word.AsSpan(open + 1, close - open - 1);
            return !inside.Contains('"')
                && (inside.Contains(',') || (inside.Contains("..", StringComparison.Ordinal) && inside.Length <= 12));
        }
    }
}
