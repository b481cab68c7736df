using System.Diagnostics;
using Shipinator.Testing;

namespace Shipinator.EndToEnd.Tests;

/// <summary>A temporary folder for a test: data, a Git repository, and files (marks) that steps create outside their workspace.</summary>
public sealed class Workbench : IDisposable
{
    public Workbench()
    {
        Root = PassableFolder.Create("ship-e2e-");
        Directory.CreateDirectory(Data);
        Directory.CreateDirectory(Marks);
        // Steps run as other users.
        File.SetUnixFileMode(Marks, (UnixFileMode)0b111_111_111);
        Directory.CreateDirectory(Repository);
    }

    public string Root { get; }

    public string Data => Path.Combine(Root, "data");

    public string Marks => Path.Combine(Root, "marks");

    public string Repository => Path.Combine(Root, "hello-" + Path.GetFileName(Root));

    /// <summary>Creates a commit with a pipeline file.</summary>
    public void Commit(string pipelineFile)
    {
        File.WriteAllText(Path.Combine(Repository, ".shipinator.yaml"), pipelineFile);
        Git("init", "-q", "-b", "main");
        Git("add", "-A");
        Git("-c", "user.name=Test", "-c", "user.email=test@example.invalid", "commit", "-q", "--allow-empty", "-m", "pipeline");
    }

    public string Mark(string name) => Path.Combine(Marks, name);

    public void SetMark(string name) => File.WriteAllText(Mark(name), "");

    public string[] ReadMark(string name) => File.Exists(Mark(name)) ? File.ReadAllLines(Mark(name)) : [];

    /// <summary>Waits for a mark that a step creates.</summary>
    public async Task WaitForMarkAsync(string name, TimeSpan limit)
    {
        var deadline = TimeProvider.System.GetUtcNow() + limit;
        while (!File.Exists(Mark(name)))
        {
            if (TimeProvider.System.GetUtcNow() > deadline)
            {
                throw new TimeoutException($"No step created the mark '{name}' within {limit}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public void Dispose()
    {
        WorkFolders.Remove(Data);
        try
        {
            Directory.Delete(Root, recursive: true);
        }
        catch (IOException)
        {
            // A server of a failed test may still be writing; the folder is temporary anyway.
        }
    }

    private void Git(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = Repository })!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
