using System.Text.RegularExpressions;
using static System.StringComparison;

namespace Shipinator.Architecture.Tests;

/// <summary>
/// A type has one file: what is too long for it is divided by state into types of their own, not by file. <c>partial</c> is for source
/// generators, and for the file behind a Razor component.
/// </summary>
public sealed partial class DeclarationTests
{
    [Fact]
    public void Types_AreDeclaredInOneFile()
    {
        var files = SourceTree.Files("*.cs").ToDictionary(f => Path.GetRelativePath(SourceTree.Root, f), File.ReadAllText);
        Assert.True(files.Count > 300 && files.Sum(f => Declared(f.Value).Count()) > 60, $"{files.Count} files");
        BoundaryTests.None(Divided(files));
    }

    [Fact]
    public void Divided_SeesTypesInTwoFiles_ButNotOthersOfThatName()
    {
        Dictionary<string, string> files = new()
        {
            ["A/X.cs"] = "namespace A;\n\npublic sealed partial class X(int a) : IX\n{\n    private partial struct Y;\n}\n",
            ["A/X.More.cs"] = "namespace A;\n\ninternal static partial class W;\n\npublic sealed partial class X\n{\n}\n",
            ["A/Record.cs"] = "namespace A;\n\npartial record struct R<T>(int B);\n",
            ["A/Record.More.cs"] = "namespace A;\npartial record struct R<T>;\n",
            ["A/Page.razor.cs"] = "namespace A;\n\npublic sealed partial class Page;\n",
            ["B/X.cs"] = "namespace B;\n\npublic partial interface X;\n",
            ["B/Text.cs"] = "namespace B;\n\n/// <summary>A partial class X.</summary>\npublic sealed class Text;\n",
        };
        Assert.Equal(["A.R: A/Record.More.cs, A/Record.cs", "A.X: A/X.More.cs, A/X.cs"], Divided(files).Select(f => f.ToString()));
    }

    /// <summary>The types at the top level with more than one file.</summary>
    private static IEnumerable<Finding> Divided(IReadOnlyDictionary<string, string> files) =>
        files
            .SelectMany(f => Declared(f.Value).Select(type => (Type: type, File: f.Key)))
            .Distinct()
            // Two projects may have internal types of one name.
            .GroupBy(d => (d.Type, Project: string.Join('/', d.File.Split('/').Take(d.File.StartsWith("tests/", Ordinal) ? 2 : 1))))
            .Where(g => g.Count() > 1)
            .Select(g => new Finding(g.Key.Type, string.Join(", ", g.Select(d => d.File).Order(StringComparer.Ordinal))))
            .OrderBy(f => f.Where, StringComparer.Ordinal);

    private static IEnumerable<string> Declared(string text)
    {
        var space = Namespace().Match(text).Groups[1].Value;
        return PartialType().Matches(text).Select(m => $"{space}.{m.Groups[1].Value}");
    }

    [GeneratedRegex("^namespace ([A-Za-z.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^(?:[a-z]+ )*partial (?:record struct|record|class|struct|interface) (\w+)", RegexOptions.Multiline)]
    private static partial Regex PartialType();
}
