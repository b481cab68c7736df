namespace Shipinator.Silo.Tests;

/// <summary>The checkout that contains the tests.</summary>
internal static class Repository
{
    /// <summary>The folder of <c>Shipinator.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Shipinator.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Shipinator.sln was not found.");
        }

        return folder;
    }
}
