namespace Shipinator.Runner;

/// <summary>What the executor tells a runner, by environment variables.</summary>
internal sealed record RunnerSettings(Uri Server, string ExecutionId, string Token, string JobFolder)
{
    /// <summary>Where the steps of the job see the files of the steps before them.</summary>
    public string Workspace => Path.Combine(JobFolder, "workspace");

    /// <summary>What is this runner's alone: its lock, its log on the way, its result.</summary>
    public string Control => Path.Combine(JobFolder, "executions", ExecutionId);

    /// <summary>Reads the environment. Errors: <see cref="ArgumentException"/> names the variable.</summary>
    public static RunnerSettings Read()
    {
        var server = Required("SHIPINATOR_URL");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw new ArgumentException($"SHIPINATOR_URL is '{server}'; it must be the http or https address of the server.");
        }

        var token = Environment.GetEnvironmentVariable("SHIPINATOR_TOKEN") is { Length: > 0 } given
            ? given
            : File.ReadAllText(Required("SHIPINATOR_TOKEN_FILE")).Trim();
        return new(url, Required("SHIPINATOR_EXECUTION_ID"), token, Path.GetFullPath(Required("SHIPINATOR_JOB_DIR")));
    }

    private static string Required(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
        ? value
        : throw new ArgumentException($"{name} is not set; the executor that starts the runner sets it.");
}
