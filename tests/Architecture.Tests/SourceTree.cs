using System.Xml.Linq;
using Mono.Cecil;

namespace Shipinator.Architecture.Tests;

/// <summary>The checkout: its projects as their files describe them, and their compiled assemblies.</summary>
internal static class SourceTree
{
    /// <summary>The folder of <c>Shipinator.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every project of the repository.</summary>
    public static IReadOnlyList<Project> Projects { get; } =
    [.. Files("*.csproj").Select(Project.Read).OrderBy(p => p.Path, StringComparer.Ordinal)];

    /// <summary>The rooms, projects at the top level: all but tests, benchmarks and samples.</summary>
    public static IReadOnlyList<Project> Rooms { get; } =
    [.. Projects.Where(p => !p.Path.Contains('/', StringComparison.Ordinal) || p.Path.Count(c => c == '/') == 1)];

    /// <summary>A room by its name.</summary>
    public static Project Room(string name) =>
        Rooms.SingleOrDefault(r => r.Name == name)
        ?? throw new InvalidOperationException($"{name} is not a room; expected one of {string.Join(", ", Rooms.Select(r => r.Name))}.");

    /// <summary>Absolute paths of the repository's own files with names like <paramref name="pattern"/>, without build output.</summary>
    public static IEnumerable<string> Files(string pattern) =>
        Directory
            .EnumerateFiles(Root, pattern, SearchOption.AllDirectories)
            .Where(f =>
                !Path.GetRelativePath(Root, f)
                    .Split(Path.DirectorySeparatorChar)
                    .Any(part =>
                        part is "bin" or "obj" or ".git" or "artifacts" or "node_modules" or ".shipinator-data" or ".shipinator-data-sample"
                    )
            );

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Shipinator.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} contains Shipinator.sln.");
    }
}

/// <summary>A project: its path below the root, what its file refers to, and its assembly.</summary>
internal sealed record Project(string Path, string AssemblyName, IReadOnlyList<string> References, IReadOnlyList<string> Packages)
{
    private ModuleDefinition? _module;

    /// <summary>The name of its file without the extension.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>The compiled module, from this test's own output folder.</summary>
    public ModuleDefinition Module =>
        _module ??= ModuleDefinition.ReadModule(System.IO.Path.Combine(AppContext.BaseDirectory, AssemblyName + ".dll"));

    public static Project Read(string file)
    {
        var xml = XDocument.Load(file);
        return new(
            System.IO.Path.GetRelativePath(SourceTree.Root, file),
            xml.Descendants("AssemblyName").FirstOrDefault()?.Value ?? "Shipinator." + System.IO.Path.GetFileNameWithoutExtension(file),
            [.. Includes("ProjectReference").Select(r => System.IO.Path.GetFileNameWithoutExtension(r.Replace('\\', '/')))],
            [.. Includes("PackageReference")]
        );

        IEnumerable<string> Includes(string element) =>
            xml.Descendants(element).Select(e => (string?)e.Attribute("Include")).OfType<string>();
    }

    public override string ToString() => Name;
}
