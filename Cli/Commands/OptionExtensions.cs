using System.CommandLine;
using System.Globalization;

namespace Shipinator.Cli.Commands;

/// <summary>Validation of options, with error messages that name the value, the option and the fix.</summary>
internal static class OptionExtensions
{
    /// <summary>Restricts an option to a set of values.</summary>
    public static Option<T> Accept<T>(this Option<T> option, params string[] values)
    {
        option.CompletionSources.Add(values);
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(t => !values.Contains(t.Value, StringComparer.Ordinal)))
            {
                result.AddError($"'{token.Value}' is not a valid {option.Name}; expected one of {string.Join(", ", values)}.");
            }
        });
        return option;
    }

    /// <summary>Restricts an integer option to a range.</summary>
    public static Option<T> Accept<T>(this Option<T> option, int minimum, int maximum)
    {
        option.CustomParser = result =>
        {
            var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            {
                if (number >= minimum && number <= maximum)
                {
                    return (T)(object)number;
                }

                result.AddError(
                    maximum == int.MaxValue
                        ? FormattableString.Invariant($"{option.Name} must be at least {minimum}, but was {number}.")
                        : FormattableString.Invariant($"{option.Name} must be between {minimum} and {maximum}, but was {number}.")
                );
            }
            else
            {
                result.AddError($"'{text}' is not a valid {option.Name}; expected a number.");
            }

            return default;
        };
        return option;
    }
}
