using System.Buffers.Text;
using System.Security.Cryptography;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>Makes API tokens: the only place that ever knows their text.</summary>
public static class BootstrapTokens
{
    /// <summary><c>shp_</c> and 32 random bytes.</summary>
    public static string NewText() => "shp_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>A new token; returns its text.</summary>
    public static async Task<string> CreateAsync(
        IServiceProvider services,
        string name,
        string role,
        CancellationToken cancellationToken = default
    )
    {
        var text = NewText();
        await services.GetRequiredService<TokenStore>().CreateAsync(name, role, text, cancellationToken);
        return text;
    }

    /// <summary>Sees to it that a token the operator made up is known, as an admin's; several silos may do so at once.</summary>
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
            // Another silo was quicker.
        }
    }

    /// <summary>Whether a token is known and not revoked.</summary>
    public static async Task<bool> IsValidAsync(IServiceProvider services, string text, CancellationToken cancellationToken = default) =>
        await services.GetRequiredService<TokenStore>().FindAsync(text, cancellationToken) is not null;
}
