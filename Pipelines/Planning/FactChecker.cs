namespace Shipinator.Pipelines;

/// <summary>Checks the facts of an event, which come from outside, before they are used.</summary>
internal static class FactChecker
{
    /// <summary>
    /// Adds an error for each fact that can't be passed to a step. Returns the facts with the texts that are only displayed truncated, and
    /// without the changed files when there are more than <see cref="PipelineLimits.ChangedFiles"/>.
    /// </summary>
    public static TriggerFacts Check(TriggerFacts facts, ErrorList errors)
    {
        foreach (
            var (name, value) in new[]
            {
                ("event", facts.Event),
                ("ref", facts.Ref),
                ("commit", facts.Commit),
                ("branch", facts.Branch),
                ("tag", facts.Tag),
            }
        )
        {
            Check(name, value, errors);
        }

        if (facts.Inputs.Count > PipelineLimits.ListItems)
        {
            errors.Add(
                "bad_fact",
                $"{facts.Inputs.Count} inputs were given, but at most {PipelineLimits.ListItems} are allowed.",
                0,
                0,
                "inputs"
            );
            return facts;
        }

        foreach (var (name, value) in facts.Inputs)
        {
            if (Check("inputs", name, errors))
            {
                Check($"inputs.{Phrases.Shorten(name)}", value, errors);
            }
        }

        return facts with
        {
            Message = Cut(facts.Message),
            Author = Cut(facts.Author),
            // Too many count as unknown: every path filter then matches.
            ChangedFiles = facts.ChangedFiles is { IsDefault: false, Length: > PipelineLimits.ChangedFiles } ? null : facts.ChangedFiles,
        };
    }

    private static bool Check(string name, string? value, ErrorList errors)
    {
        if (value is null)
        {
            return true;
        }

        if (value.Length > PipelineLimits.FactCharacters)
        {
            errors.Add(
                "bad_fact",
                $"The value of '{name}' has {value.Length} characters, but at most {PipelineLimits.FactCharacters} are allowed.",
                0,
                0,
                name
            );
            return false;
        }

        if (Phrases.HasForbiddenCharacter(value))
        {
            errors.Add("bad_fact", $"The value of '{name}' contains a NUL character or an unpaired surrogate.", 0, 0, name);
            return false;
        }

        return true;
    }

    private static string? Cut(string? text) =>
        text is { Length: > PipelineLimits.FactCharacters } ? text[..PipelineLimits.FactCharacters] : text;
}
