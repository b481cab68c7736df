namespace Shipinator.Pipelines;

/// <summary>Facts come from outside, and are looked at before any work is done with them.</summary>
internal static class FactChecker
{
    /// <summary>
    /// Adds an error for each fact that no step could be given; <see cref="TriggerFacts"/> without what is only for people beyond
    /// a length, and without changed files where there are more than anybody could match.
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
            errors.Add("bad_fact", $"{facts.Inputs.Count} inputs are given; at most {PipelineLimits.ListItems} can be.", 0, 0, "inputs");
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
            // As where they are not known: every filter of paths holds.
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
                $"The value of '{name}' has {value.Length} characters; at most {PipelineLimits.FactCharacters} are allowed.",
                0,
                0,
                name
            );
            return false;
        }

        if (Phrases.HasForbiddenCharacter(value))
        {
            errors.Add("bad_fact", $"The value of '{name}' has a NUL character or half of a surrogate pair.", 0, 0, name);
            return false;
        }

        return true;
    }

    private static string? Cut(string? text) =>
        text is { Length: > PipelineLimits.FactCharacters } ? text[..PipelineLimits.FactCharacters] : text;
}
