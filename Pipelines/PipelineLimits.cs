namespace Shipinator.Pipelines;

/// <summary>What a pipeline file may be at most. They bound memory and time for any text, and no honest file comes near them.</summary>
public static class PipelineLimits
{
    /// <summary>Bytes of the file in UTF-8.</summary>
    public const int FileBytes = 256 * 1024;

    /// <summary>How deep lists and maps may be nested.</summary>
    public const int Depth = 20;

    /// <summary>Nodes of the document when every alias is written out.</summary>
    public const int Nodes = 20_000;

    /// <summary>Characters of all values when every alias is written out.</summary>
    public const int Characters = 1024 * 1024;

    /// <summary>Jobs that one matrix may make.</summary>
    public const int MatrixJobs = 64;

    /// <summary>Steps of one job.</summary>
    public const int StepsOfJob = 100;

    /// <summary>Entries of one <c>env</c> map.</summary>
    public const int EnvEntries = 200;

    /// <summary>Entries of any other list.</summary>
    public const int ListItems = 100;

    /// <summary>Characters of one glob.</summary>
    public const int GlobCharacters = Globbing.Glob.MaxCharacters;

    /// <summary>The work of holding globs against a trigger, in steps: one state of one pattern at one character.</summary>
    public const long GlobSteps = 50_000_000;

    /// <summary>Characters of one fact of a trigger (branch, tag, an input's value, …) that may be put into the plan.</summary>
    public const int FactCharacters = 4096;

    /// <summary>Changed files of one trigger; beyond, they count as not known.</summary>
    public const int ChangedFiles = 10_000;
}
