namespace Shipinator.Pipelines;

/// <summary>Limits of a pipeline file. They bound memory and time for any input and are far above what real files need.</summary>
public static class PipelineLimits
{
    /// <summary>Bytes of the file in UTF-8.</summary>
    public const int FileBytes = 256 * 1024;

    /// <summary>Nesting depth of lists and maps.</summary>
    public const int Depth = 20;

    /// <summary>Nodes of the document with aliases expanded.</summary>
    public const int Nodes = 20_000;

    /// <summary>Characters of all values with aliases expanded.</summary>
    public const int Characters = 1024 * 1024;

    /// <summary>Jobs of one matrix.</summary>
    public const int MatrixJobs = 64;

    /// <summary>Steps of one job.</summary>
    public const int StepsOfJob = 100;

    /// <summary>Entries of one <c>env</c> map.</summary>
    public const int EnvEntries = 200;

    /// <summary>Entries of any other list.</summary>
    public const int ListItems = 100;

    /// <summary>Characters of one glob.</summary>
    public const int GlobCharacters = Globbing.Glob.MaxCharacters;

    /// <summary>Work of matching globs against an event, in steps: one state of one pattern at one character.</summary>
    public const long GlobSteps = 50_000_000;

    /// <summary>Characters of one fact of an event (branch, tag, an input's value, …).</summary>
    public const int FactCharacters = 4096;

    /// <summary>Changed files of one event; more count as unknown.</summary>
    public const int ChangedFiles = 10_000;
}
