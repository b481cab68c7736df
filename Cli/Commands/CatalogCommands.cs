using System.CommandLine;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary><c>projects</c> and <c>repositories</c>: what the server knows.</summary>
internal static class CatalogCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return new Command("projects", "List and add projects") { ListProjects(line), AddProject(line) };
        yield return new Command("repositories", "List, add and change repositories")
        {
            ListRepositories(line),
            AddRepository(line),
            SetRepository(line),
        };
    }

    private static Command ListProjects(CommandLine line) =>
        line.Remote(
            new Command("list", "Show all projects"),
            async (session, _) =>
            {
                var projects = new List<ProjectResponse>();
                await foreach (var project in session.Client.ListProjectsAsync(session.Token))
                {
                    projects.Add(project);
                }

                return session.Print(
                    projects,
                    CliJson.Default.ListProjectResponse,
                    all =>
                    {
                        var table = Looks.Table("NAME", "DESCRIPTION", "CREATED", "ID");
                        all.ForEach(p =>
                            table.AddRow(Looks.Text(p.Name), Looks.Text(p.Description), Looks.Time(p.CreatedAt), Looks.Text(p.Id))
                        );
                        session.Terminal.Show(table);
                    }
                );
            }
        );

    private static Command AddProject(CommandLine line)
    {
        var name = new Argument<string>("NAME") { Description = "Unique; at most 100 characters" };
        var description = new Option<string?>("--description") { Description = "What it is for", HelpName = "TEXT" };
        return line.Remote(
            new Command("add", "Make a project") { name, description },
            async (session, parsed) =>
            {
                var project = await session.Client.CreateProjectAsync(
                    new() { Name = parsed.GetRequiredValue(name), Description = parsed.GetValue(description) },
                    session.Token
                );
                return session.Print(
                    [project],
                    CliJson.Default.ListProjectResponse,
                    _ => session.Terminal.Say($"Project {Looks.Text(project.Name)} {Looks.Text(project.Id)}")
                );
            }
        );
    }

    private static Command ListRepositories(CommandLine line)
    {
        var project = new Option<string?>("--project") { Description = "Only of this project", HelpName = "NAME" };
        return line.Remote(
            new Command("list", "Show repositories") { project },
            async (session, parsed) =>
                session.Print(
                    await session.Catalog.RepositoriesAsync(parsed.GetValue(project), session.Token),
                    CliJson.Default.ListRepositoryResponse,
                    all =>
                    {
                        var table = Looks.Table("NAME", "PROVIDER", "CLONE URL", "BRANCH", "ID");
                        all.ForEach(r =>
                            table.AddRow(
                                Looks.Text($"{r.ProjectName}/{r.Name}"),
                                Looks.Text(r.VcsProvider),
                                Looks.Text(r.CloneUrl),
                                Looks.Text(r.DefaultBranch),
                                Looks.Text(r.Id)
                            )
                        );
                        session.Terminal.Show(table);
                    }
                )
        );
    }

    private static Command AddRepository(CommandLine line)
    {
        var url = new Argument<string>("URL") { Description = "Clone URL, or a folder when the server is on this machine" };
        var project = new Option<string>("--project")
        {
            Description = "The project it belongs to",
            HelpName = "NAME",
            Required = true,
        };
        var name = new Option<string?>("--name") { Description = "By default the last part of the URL", HelpName = "NAME" };
        var branch = new Option<string?>("--default-branch")
        {
            Description = "Where its pipelines are read; by default the branch that its HEAD names",
            HelpName = "NAME",
        };
        var provider = new Option<string>("--provider")
        {
            Description = "Which forge",
            HelpName = "git|github|gitea",
            DefaultValueFactory = _ => "git",
        }.AcceptOnlyFromAmong("git", "github", "gitea");
        var executor = new Option<string?>("--executor")
        {
            Description = "Where its steps run; by default as the server is set up",
            HelpName = "NAME",
        };
        var file = new Option<string?>("--file")
        {
            Description = "Where its pipeline file lies; by default .shipinator.yaml",
            HelpName = "PATH",
        };
        var command = new Command("add", "Make a repository known") { url, project, name, branch, provider, executor, file };
        return line.Remote(
            command,
            async (session, parsed) =>
            {
                var owner = await session.Catalog.ProjectAsync(parsed.GetRequiredValue(project), session.Token);
                var address = parsed.GetRequiredValue(url);
                var repository = await session.Client.CreateRepositoryAsync(
                    owner.Id,
                    new()
                    {
                        VcsProvider = parsed.GetRequiredValue(provider),
                        CloneUrl = Directory.Exists(address) ? Path.GetFullPath(address) : address,
                        DefaultBranch = parsed.GetValue(branch),
                        Name = parsed.GetValue(name),
                        Executor = parsed.GetValue(executor),
                        PipelineFile = parsed.GetValue(file),
                    },
                    session.Token
                );
                return session.Print(
                    [repository],
                    CliJson.Default.ListRepositoryResponse,
                    _ =>
                        session.Terminal.Say(
                            $"Repository {Looks.Text($"{repository.ProjectName}/{repository.Name}")} {Looks.Text(repository.Id)}"
                        )
                );
            }
        );
    }

    private static Command SetRepository(CommandLine line)
    {
        var name = new Argument<string>("REPOSITORY") { Description = "Name, PROJECT/NAME, id or clone URL" };
        var branch = new Option<string?>("--default-branch") { Description = "Where its pipelines are read", HelpName = "NAME" };
        var url = new Option<string?>("--clone-url") { Description = "Where it is cloned from", HelpName = "URL" };
        var rename = new Option<string?>("--name") { Description = "A new name", HelpName = "NAME" };
        var executor = new Option<string?>("--executor")
        {
            Description = "Where its steps run; empty: as the server is set up",
            HelpName = "NAME",
        };
        var file = new Option<string?>("--file")
        {
            Description = "Where its pipeline file lies, below its root; empty: .shipinator.yaml",
            HelpName = "PATH",
        };
        return line.Remote(
            new Command("set", "Change a repository") { name, branch, url, rename, executor, file },
            async (session, parsed) =>
            {
                var change = new UpdateRepositoryRequest
                {
                    DefaultBranch = parsed.GetValue(branch),
                    CloneUrl = parsed.GetValue(url),
                    Name = parsed.GetValue(rename),
                    Executor = parsed.GetValue(executor),
                    PipelineFile = parsed.GetValue(file),
                };
                if (change == new UpdateRepositoryRequest())
                {
                    throw new CliException(
                        ExitCodes.Usage,
                        "Nothing to change: give --default-branch, --clone-url, --name, --executor or --file."
                    );
                }

                var found = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var repository = await session.Client.UpdateRepositoryAsync(found.Id, change, session.Token);
                return session.Print(
                    [repository],
                    CliJson.Default.ListRepositoryResponse,
                    _ =>
                        session.Terminal.Say(
                            $"Repository {Looks.Text($"{repository.ProjectName}/{repository.Name}")}, default branch {Looks.Text(repository.DefaultBranch)}, "
                                + $"pipeline file {Looks.Text(repository.PipelineFile ?? Server.WorkingCopy.PipelineFile)}"
                        )
                );
            }
        );
    }
}
