using System.Text;

namespace Shipinator.Pipelines;

/// <summary>
/// Plans the single step of a deploy with <c>artifact</c>. The scripts are constant: every value is passed through the environment.
/// </summary>
internal static class DeploySteps
{
    /// <summary>The cluster that the executor itself runs in.</summary>
    public const string LocalTarget = "local";

    public const string DefaultNamespace = "default";

    private const string Folder = ".shipinator/deploy";

    private const string Chart = """
        set -- --namespace "$SHIPINATOR_DEPLOY_NAMESPACE" --create-namespace --wait
        [ "$SHIPINATOR_DEPLOY_TARGET" = local ] || set -- "$@" --kube-context "$SHIPINATOR_DEPLOY_TARGET"
        chart=$(find .shipinator/deploy -type f)
        [ "$(printf '%s\n' "$chart" | wc -l)" -eq 1 ] || { echo "expected exactly one chart, but found: $chart" >&2; exit 64; }
        case "$chart" in *.tgz|*.tar.gz) ;; *) chart=$(cat "$chart") ;; esac
        helm upgrade --install "$SHIPINATOR_DEPLOY_RELEASE" "$chart" "$@"
        """;

    private const string Manifests = """
        set -- --namespace "$SHIPINATOR_DEPLOY_NAMESPACE"
        [ "$SHIPINATOR_DEPLOY_TARGET" = local ] || set -- "$@" --context "$SHIPINATOR_DEPLOY_TARGET"
        find .shipinator/deploy -type f -name '*.tar.gz' -exec tar -xzf {} -C .shipinator/deploy \; -exec rm {} \;
        kubectl apply --recursive -f .shipinator/deploy "$@"
        """;

    private const string Image = """
        set -- --namespace "$SHIPINATOR_DEPLOY_NAMESPACE"
        [ "$SHIPINATOR_DEPLOY_TARGET" = local ] || set -- "$@" --context "$SHIPINATOR_DEPLOY_TARGET"
        file=$(find .shipinator/deploy -type f)
        [ "$(printf '%s\n' "$file" | wc -l)" -eq 1 ] || { echo "expected exactly one image, but found: $file" >&2; exit 64; }
        kubectl set image "deployment/$SHIPINATOR_DEPLOY_RELEASE" "*=$(cat "$file")" "$@"
        kubectl rollout status "deployment/$SHIPINATOR_DEPLOY_RELEASE" "$@"
        """;

    public static StepPlan Plan(JobModel job, DeployModel deploy, string target, string ns, PlanSettings settings, Resolver resolver)
    {
        var env = resolver.StepEnv(job.Defaults.Env, job.Defaults.Secrets);
        env.Set(PipelineEnvironment.DeployPrefix + "TARGET", Expression.Literal(target));
        env.Set(PipelineEnvironment.DeployPrefix + "NAMESPACE", Expression.Literal(ns));
        env.Set(
            PipelineEnvironment.DeployPrefix + "RELEASE",
            Expression.Literal(
                deploy.Release is { } release ? resolver.Text(release, Formats.Namespace) : NameFrom(settings.RepositoryName)
            )
        );
        return new StepPlan
        {
            Name = "deploy",
            Order = 0,
            Image = job.Defaults.Image is { } image ? resolver.Text(image, Formats.Image) : settings.DeployImage,
            Run = deploy.Type switch
            {
                ArtifactTypes.Chart => Chart,
                ArtifactTypes.Image => Image,
                _ => Manifests,
            },
            Env = env.Known,
            EnvExpressions = env.Expressions,
            Secrets = job.Defaults.Secrets,
            Timeout = job.Timeout,
            Retry = deploy.Retry,
            Inputs =
            [
                new InputSpec
                {
                    Type = deploy.Type,
                    Step = deploy.Step,
                    ArtifactId = deploy.Id is { } id ? Artifact(id, resolver) : null,
                    Path = Folder,
                    KeepPaths = true,
                },
            ],
        };
    }

    /// <summary>
    /// The artifact that an <c>id</c> names after template substitution; null, with an error added, when it is not a UUID.
    /// </summary>
    public static ArtifactId? Artifact(Located id, Resolver resolver) =>
        EntityId.TryParse<ArtifactId>(resolver.Text(id, Formats.Uuid), out var artifact) ? artifact : null;

    /// <summary>
    /// A release name from a repository's name: lower case, with characters that Kubernetes does not allow replaced by <c>-</c>.
    /// </summary>
    private static string NameFrom(string repository)
    {
        var made = new StringBuilder();
        foreach (var c in repository.ToLowerInvariant())
        {
            made.Append(char.IsAsciiLetterOrDigit(c) ? c : '-');
        }

        var name = made.ToString().Trim('-');
        name = (name.Length > 53 ? name[..53] : name).Trim('-');
        return name.Length == 0 ? "app" : name;
    }
}
