namespace Shipinator;

/// <summary>The two grain storage providers.</summary>
public static class StorageNames
{
    /// <summary>Runs, jobs and executions: rows of the specification's tables.</summary>
    public const string Relational = "relational";

    /// <summary>Coordinators, whose state is never queried: Orleans' ADO.NET storage.</summary>
    public const string Coordinators = "coordinators";
}
