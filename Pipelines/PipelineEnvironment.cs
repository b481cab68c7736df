using System.Text.RegularExpressions;

namespace Shipinator.Pipelines;

/// <summary>The environment variables that Shipinator sets for every step; a pipeline file can't set them.</summary>
public static partial class PipelineEnvironment
{
    /// <summary>
    /// Prefix of the variables that pass template values to scripts: <c>{{ .branch }}</c> is <c>SHIPINATOR_TPL_BRANCH</c>.
    /// </summary>
    public const string TemplatePrefix = "SHIPINATOR_TPL_";

    /// <summary>Prefix of the variables of a planned deploy step.</summary>
    public const string DeployPrefix = "SHIPINATOR_DEPLOY_";

    /// <summary>The built-in variables of every step, for documentation and completion.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } =
    [
        "CI",
        "CI_COMMIT_AUTHOR",
        "CI_COMMIT_BEFORE_SHA",
        "CI_COMMIT_BRANCH",
        "CI_COMMIT_COMPARE_URL",
        "CI_COMMIT_IS_FORK",
        "CI_COMMIT_MESSAGE",
        "CI_COMMIT_PULL_REQUEST",
        "CI_COMMIT_PULL_REQUEST_TITLE",
        "CI_COMMIT_PULL_REQUEST_URL",
        "CI_COMMIT_REF",
        "CI_COMMIT_SENDER",
        "CI_COMMIT_SHA",
        "CI_COMMIT_SHORT_SHA",
        "CI_COMMIT_SOURCE_BRANCH",
        "CI_COMMIT_TAG",
        "CI_COMMIT_TARGET_BRANCH",
        "CI_PIPELINE_EVENT",
        "CI_PIPELINE_NUMBER",
        "CI_PIPELINE_URL",
        "CI_REPO",
        "CI_REPO_CLONE_URL",
        "CI_STEP_NAME",
        "CI_WORKSPACE",
        "SHIPINATOR",
        "SHIPINATOR_ATTEMPT",
        "SHIPINATOR_EXECUTION_ID",
        "SHIPINATOR_JOB_ID",
        "SHIPINATOR_PROJECT_ID",
        "SHIPINATOR_REPOSITORY_ID",
        "SHIPINATOR_RUN_ID",
        "SHIPINATOR_STEP_ID",
    ];

    /// <summary>Whether a name is reserved for Shipinator: <c>CI</c>, <c>CI_…</c> and <c>SHIPINATOR…</c>.</summary>
    public static bool IsReserved(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name == "CI" || name.StartsWith("CI_", StringComparison.Ordinal) || name.StartsWith("SHIPINATOR", StringComparison.Ordinal);
    }

    /// <summary>Whether it is a valid variable name in a shell: letters, digits, underscores; not a digit first.</summary>
    public static bool IsValidName(string name) => NameForm().IsMatch(name);

    /// <summary>The variable that passes a template's value.</summary>
    internal static string OfTemplate(string name) => TemplatePrefix + name.Replace('.', '_').Replace('-', '_').ToUpperInvariant();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,127}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex NameForm();
}
