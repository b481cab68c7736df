using System.CommandLine;
using Shipinator.Cli.IO;
using Shipinator.Client;
using Spectre.Console;

namespace Shipinator.Cli.Commands;

/// <summary><c>projects</c> and <c>repositories</c>: the registrations on the server.</summary>
internal static class CatalogCommands
{
    public static IEnumerable<Command> All(CommandLine line)
    {
        yield return new Command("projects", "List and add projects") { ListProjects(line), AddProject(line) };
        var repositories = new Command("repositories", "List, add and update repositories")
        {
            ListRepositories(line),
            AddRepository(line),
            SetRepository(line),
        };
        repositories.Aliases.Add("repo");
        foreach (var command in CredentialCommands.All(line))
        {
            repositories.Subcommands.Add(command);
        }

        yield return repositories;
    }

    private static Command ListProjects(CommandLine line) =>
        line.Remote(
            new Command("list", "List all projects"),
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
                        var table = ConsoleFormat.Table("NAME", "DESCRIPTION", "CREATED", "ID");
                        all.ForEach(p =>
                            table.AddRow(
                                ConsoleFormat.Text(p.Name),
                                ConsoleFormat.Text(p.Description),
                                ConsoleFormat.Time(p.CreatedAt),
                                ConsoleFormat.Text(p.Id)
                            )
                        );
                        session.Terminal.Write(table);
                    }
                );
            }
        );

    private static Command AddProject(CommandLine line)
    {
        var name = new Argument<string>("NAME") { Description = "Project name; unique, 1 to 100 characters" };
        var description = new Option<string?>("--description") { Description = "Description of the project", HelpName = "TEXT" };
        return line.Remote(
            new Command("add", "Create a project") { name, description },
            async (session, parsed) =>
            {
                var project = await session.Client.CreateProjectAsync(
                    new() { Name = parsed.GetRequiredValue(name), Description = parsed.GetValue(description) },
                    session.Token
                );
                return session.Print(
                    [project],
                    CliJson.Default.ListProjectResponse,
                    _ =>
                        session.Terminal.WriteMarkup(
                            $"Created project {ConsoleFormat.Text(project.Name)} (ID {ConsoleFormat.Text(project.Id)})"
                        )
                );
            }
        );
    }

    private static Command ListRepositories(CommandLine line)
    {
        var project = new Option<string?>("--project") { Description = "Filter by project", HelpName = "NAME" };
        return line.Remote(
            new Command("list", "List repositories") { project },
            async (session, parsed) =>
                session.Print(
                    await session.Catalog.RepositoriesAsync(parsed.GetValue(project), session.Token),
                    CliJson.Default.ListRepositoryResponse,
                    all =>
                    {
                        var table = ConsoleFormat.Table("NAME", "PROVIDER", "CLONE URL", "BRANCH", "ID");
                        all.ForEach(r =>
                            table.AddRow(
                                ConsoleFormat.Text($"{r.ProjectName}/{r.Name}"),
                                ConsoleFormat.Text(r.VcsProvider),
                                ConsoleFormat.Text(r.CloneUrl),
                                ConsoleFormat.Text(r.DefaultBranch),
                                ConsoleFormat.Text(r.Id)
                            )
                        );
                        session.Terminal.Write(table);
                    }
                )
        );
    }

    private static Command AddRepository(CommandLine line)
    {
        var url = new Argument<string>("URL") { Description = "Clone URL, or a local folder when the server runs on this machine" };
        var project = new Option<string>("--project")
        {
            Description = "Project to add the repository to",
            HelpName = "NAME",
            Required = true,
        };
        var name = new Option<string?>("--name")
        {
            Description = "Repository name; default: the last segment of the URL",
            HelpName = "NAME",
        };
        var branch = new Option<string?>("--default-branch")
        {
            Description = "Default branch, from which pipelines are read; default: the branch of HEAD",
            HelpName = "NAME",
        };
        var provider = new Option<string>("--provider")
        {
            Description = "Git provider",
            HelpName = "git|github|gitea",
            DefaultValueFactory = _ => "git",
        }.Accept("git", "github", "gitea");
        var executor = new Option<string?>("--executor")
        {
            Description = "Executor of its steps; default: the server's",
            HelpName = "NAME",
        };
        var file = new Option<string?>("--file")
        {
            Description = "Path of the pipeline file; default: .shipinator.yaml",
            HelpName = "PATH",
        };
        var command = new Command("add", "Add a repository") { url, project, name, branch, provider, executor, file };
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
                    _ => session.Terminal.WriteMarkup($"Added repository {FullName(repository)} (ID {ConsoleFormat.Text(repository.Id)})")
                );
            }
        );
    }

    private static string FullName(RepositoryResponse repository) => ConsoleFormat.Text($"{repository.ProjectName}/{repository.Name}");

    private static Command SetRepository(CommandLine line)
    {
        var name = new Argument<string>("REPOSITORY") { Description = "Name, PROJECT/NAME, ID or clone URL" };
        var branch = new Option<string?>("--default-branch") { Description = "New default branch", HelpName = "NAME" };
        var url = new Option<string?>("--clone-url") { Description = "New clone URL", HelpName = "URL" };
        var rename = new Option<string?>("--name") { Description = "New name", HelpName = "NAME" };
        var executor = new Option<string?>("--executor") { Description = "New executor; empty: the server's default", HelpName = "NAME" };
        var file = new Option<string?>("--file")
        {
            Description = "New path of the pipeline file; empty: .shipinator.yaml",
            HelpName = "PATH",
        };
        var badge = new Option<bool?>("--public-badge")
        {
            Description = "Whether everybody can load its badge: true or false",
            HelpName = "BOOL",
        };
        return line.Remote(
            new Command("set", "Update a repository") { name, branch, url, rename, executor, file, badge },
            async (session, parsed) =>
            {
                var change = new UpdateRepositoryRequest
                {
                    DefaultBranch = parsed.GetValue(branch),
                    CloneUrl = parsed.GetValue(url),
                    Name = parsed.GetValue(rename),
                    Executor = parsed.GetValue(executor),
                    PipelineFile = parsed.GetValue(file),
                    PublicBadge = parsed.GetValue(badge),
                };
                if (change == new UpdateRepositoryRequest())
                {
                    throw new CliException(
                        ExitCodes.Usage,
                        "Nothing to update. Specify --default-branch, --clone-url, --name, --executor, --file or --public-badge."
                    );
                }

                var found = await session.Catalog.RepositoryAsync(parsed.GetRequiredValue(name), session.Token);
                var repository = await session.Client.UpdateRepositoryAsync(found.Id, change, session.Token);
                return session.Print(
                    [repository],
                    CliJson.Default.ListRepositoryResponse,
                    _ =>
                        session.Terminal.WriteMarkup(
                            $"Updated repository {FullName(repository)}: "
                                + $"default branch {ConsoleFormat.Text(repository.DefaultBranch)}, "
                                + $"pipeline file {ConsoleFormat.Text(repository.PipelineFile ?? Server.WorkingCopy.PipelineFile)}"
                        )
                );
            }
        );
    }
}
