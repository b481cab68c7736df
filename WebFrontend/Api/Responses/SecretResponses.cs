using Shipinator.Client;
using Shipinator.Schema.Stores;
using Shipinator.Triggers.Secrets;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Secrets and credentials as the API shows them: never their values.</summary>
internal static class SecretResponses
{
    public static SecretResponse Of(SecretInfo s) =>
        new()
        {
            Name = s.Name,
            Scope = s.Scope.Word,
            Version = s.Version,
            Events = s.Events,
            Branches = s.Branches,
            CreatedAt = s.CreatedAt,
            CreatedBy = s.CreatedBy,
            UpdatedAt = s.UpdatedAt,
            UpdatedBy = s.UpdatedBy,
        };

    public static CredentialResponse Of(StoredCredential c) =>
        new()
        {
            Username = c.Username,
            Url = c.Url,
            IsUsed = c.IsUsed,
            UpdatedAt = c.Info.UpdatedAt,
            UpdatedBy = c.Info.UpdatedBy,
        };

    public static WebhookSecretResponse Of(StoredWebhookSecret s) =>
        new()
        {
            Version = s.Info.Version,
            UpdatedAt = s.Info.UpdatedAt,
            UpdatedBy = s.Info.UpdatedBy,
            PreviousUntil = s.PreviousUntil,
        };
}
