namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>Access control: the kubeconfig's token may do everything, the default service account's nothing.</summary>
internal static class Access
{
    public const string Admin = "t";
    public const string Unprivileged = "of-the-default-service-account";

    /// <summary>The caller; null for an unknown token.</summary>
    public static string? User(string? authorization) =>
        authorization switch
        {
            null or "" => "system:anonymous",
            "Bearer " + Admin => "admin",
            "Bearer " + Unprivileged => "system:serviceaccount:ci:default",
            _ => null,
        };

    public static bool May(string user) => user == "admin";

    public static void Check(Call call, string user)
    {
        // Everyone may query their own rights.
        if (!May(user) && call.Kind.Name != "SelfSubjectAccessReview")
        {
            var resource = call.Subresource is null ? call.Kind.Plural : $"{call.Kind.Plural}/{call.Subresource}";
            throw Refusal.Forbidden(
                call.Kind,
                call.Name,
                $"User \"{user}\" cannot {call.Verb} resource \"{resource}\" in API group \"{call.Kind.Group}\" in the "
                    + $"namespace \"{call.Namespace}\""
            );
        }
    }
}
