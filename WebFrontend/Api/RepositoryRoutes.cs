using Shipinator.Client;
using Shipinator.Forges;
using Shipinator.Pipelines;
using Shipinator.Schema.Queries;
using Shipinator.Schema.Stores;
using Shipinator.WebFrontend.Api.Problems;
using Shipinator.WebFrontend.Security;
using Shipinator.WebFrontend.Triggers;

namespace Shipinator.WebFrontend.Api;

/// <summary>Repositories and their pipelines.</summary>
internal static class RepositoryRoutes
{
    public static void MapRepositories(this IEndpointRouteBuilder v1)
    {
        v1.MapGet(
                "/projects/{id}/repositories",
                async (
                    string id,
                    int? limit,
                    string? cursor,
                    ProjectStore projects,
                    RepositoryStore store,
                    CancellationToken cancellation
                ) =>
                {
                    var project = Ids.Parse<ProjectId>(id);
                    _ = await projects.GetAsync(project, cancellation) ?? throw new NotFoundException("project", id);
                    return Answers.Page(await store.ListAsync(project, new PageRequest(limit, cursor), cancellation), Answers.Of);
                }
            )
            .RequireAuthorization(Policies.Read)
            .WithTags("Repositories");
        v1.MapPost("/projects/{id}/repositories", CreateAsync).RequireAuthorization(Policies.Write).WithTags("Repositories");

        var group = v1.MapGroup("/repositories/{id}").WithTags("Repositories");
        group
            .MapGet(
                "",
                async (string id, RepositoryStore store, CancellationToken cancellation) =>
                    Answers.Of(await ExistingAsync(store, id, cancellation))
            )
            .RequireAuthorization(Policies.Read);
        group.MapPatch("", UpdateAsync).RequireAuthorization(Policies.Write);
        group
            .MapDelete(
                "",
                async (string id, RepositoryStore store, IRepositoryMirrors mirrors, CancellationToken cancellation) =>
                {
                    await store.DeleteAsync(Ids.Parse<RepositoryId>(id), cancellation);
                    await mirrors.Forget(Ids.Parse<RepositoryId>(id), cancellation);
                    return TypedResults.NoContent();
                }
            )
            .RequireAuthorization(Policies.Admin);
        group
            .MapGet(
                "/pipelines",
                async (string id, RepositoryStore store, PipelineStore pipelines, CancellationToken cancellation) =>
                    Answers.All(await pipelines.ListAsync((await ExistingAsync(store, id, cancellation)).Id, cancellation), Answers.Of)
            )
            .RequireAuthorization(Policies.Read);
        group
            .MapPost(
                "/sync",
                async (string id, RepositoryStore store, RepositorySync sync, CancellationToken cancellation) =>
                    Answers.All(await sync.SyncAsync(await ExistingAsync(store, id, cancellation), cancellation), Answers.Of)
            )
            .RequireAuthorization(Policies.Write);
    }

    private static async Task<IResult> CreateAsync(
        string id,
        CreateRepositoryRequest body,
        RepositoryStore store,
        IForgeRegistry forges,
        IClonePolicy policy,
        RepositoryAdding adding,
        IExecutorRegistry executors,
        CancellationToken cancellation
    )
    {
        forges.Get(Fields.Text(body.VcsProvider, "vcs_provider", Fields.Word)!);
        if (Fields.Text(body.Executor, "executor", Fields.Word) is not null)
        {
            executors.Get(body.Executor!);
        }

        var url = CloneUrl(body.CloneUrl);
        policy.Check(url);
        // Without a word from the caller, the branch that the repository itself calls its own.
        var branch = body.DefaultBranch is { Length: > 0 } given
            ? given
            : await adding.DefaultBranchAsync(body.VcsProvider, url, cancellation);
        var row = await store.CreateAsync(
            new(
                Ids.Parse<ProjectId>(id),
                ProjectRoutes.Name(body.Name ?? NameOf(url)),
                body.VcsProvider,
                url,
                Branch(branch),
                body.Executor
            )
            {
                PipelineFile = FilePath(body.PipelineFile),
            },
            cancellation
        );
        return TypedResults.Created($"/v1/repositories/{row.Id}", Answers.Of(row));
    }

    private static async Task<RepositoryResponse> UpdateAsync(
        string id,
        UpdateRepositoryRequest body,
        RepositoryStore store,
        IClonePolicy policy,
        IExecutorRegistry executors,
        CancellationToken cancellation
    )
    {
        // An empty one goes back to the server's default.
        if (Fields.Text(body.Executor, "executor", Fields.Word) is { Length: > 0 } executor)
        {
            executors.Get(executor);
        }

        if (body.CloneUrl is not null)
        {
            policy.Check(CloneUrl(body.CloneUrl));
        }

        return Answers.Of(
            await store.UpdateAsync(
                Ids.Parse<RepositoryId>(id),
                new(
                    Name: body.Name is null ? null : ProjectRoutes.Name(body.Name),
                    CloneUrl: body.CloneUrl is null ? null : CloneUrl(body.CloneUrl),
                    DefaultBranch: body.DefaultBranch is null ? null : Branch(body.DefaultBranch),
                    Executor: body.Executor
                )
                {
                    PipelineFile = FilePath(body.PipelineFile),
                },
                cancellation
            )
        );
    }

    private static async Task<RepositoryRow> ExistingAsync(RepositoryStore store, string id, CancellationToken cancellation) =>
        await store.GetAsync(Ids.Parse<RepositoryId>(id), cancellation) ?? throw new NotFoundException("repository", id);

    public static string NameOf(string url)
    {
        var name = url.TrimEnd('/').Split('/', '\\', ':')[^1];
        return name.EndsWith(".git", StringComparison.Ordinal) && name.Length > 4 ? name[..^4] : name;
    }

    public static string Branch(string branch) =>
        branch is { Length: > 0 and <= 250 } && !branch.Any(c => char.IsControl(c) || c == ' ')
            ? branch
            : throw new MalformedException(
                "default_branch_malformed",
                "default_branch",
                "default_branch must be the name of a branch, such as main."
            );

    /// <summary>The place of a pipeline file below a repository's root; an empty one goes back to the usual place.</summary>
    public static string? FilePath(string? path) =>
        PipelineFile.PathProblem(path ?? "") is { } problem && path is { Length: > 0 }
            ? throw new MalformedException(
                "pipeline_file_malformed",
                "pipeline_file",
                $"pipeline_file {problem}; expected a path below the repository's root, such as ci/build.yaml."
            )
            : path;

    public static string CloneUrl(string url)
    {
        Fields.Text(url, "clone_url", Fields.Url);
        if (url.Any(char.IsControl))
        {
            throw new MalformedException("clone_url_malformed", "clone_url", "clone_url holds a control character; remove it.");
        }

        if (Path.IsPathFullyQualified(url))
        {
            return url;
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme is not ("http" or "https" or "file"))
        {
            throw new MalformedException(
                "clone_url_malformed",
                "clone_url",
                $"'{url}' can't be cloned: expected an http or https URL, or an absolute path."
            );
        }

        if (parsed.Scheme != "file" && parsed.UserInfo.Length == 0 && CloneAddress.TryParse(url, out var problem) is null)
        {
            throw new MalformedException("clone_url_malformed", "clone_url", $"'{url}' can't be cloned: {problem}.");
        }

        return parsed.UserInfo.Length == 0
            ? url
            : throw new MalformedException(
                "clone_url_credential",
                "clone_url",
                "A clone URL must not hold a credential: it is shown to everybody. Configure it for the host instead (GitCredentials)."
            );
    }
}
