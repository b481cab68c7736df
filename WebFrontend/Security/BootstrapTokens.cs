using Shipinator.Schema.Stores;
using Shipinator.Triggers.Tokens;

namespace Shipinator.WebFrontend.Security;

/// <summary>Tokens that the server needs at startup.</summary>
public static class BootstrapTokens
{
    /// <summary>Creates a token; returns its text.</summary>
    public static async Task<string> CreateAsync(
        IServiceProvider services,
        string name,
        string role,
        CancellationToken cancellationToken = default
    ) => (await services.GetRequiredService<ApiTokens>().CreateAsync(name, role, cancellationToken)).Text;

    /// <summary>
    /// Registers a token whose text the operator chose, with the role admin, unless it exists. Several silos may do so concurrently.
    /// </summary>
    public static async Task AdoptAsync(IServiceProvider services, string name, string text, CancellationToken cancellationToken = default)
    {
        var store = services.GetRequiredService<TokenStore>();
        if (await store.FindAsync(text, cancellationToken) is not null)
        {
            return;
        }

        try
        {
            await store.CreateAsync(name, Policies.Admin, text, cancellationToken);
        }
        catch (ConflictException)
        {
            // Another silo has registered it.
        }
    }

    /// <summary>Whether a token is known and not revoked.</summary>
    public static async Task<bool> IsValidAsync(IServiceProvider services, string text, CancellationToken cancellationToken = default) =>
        await services.GetRequiredService<TokenStore>().FindAsync(text, cancellationToken) is not null;
}
