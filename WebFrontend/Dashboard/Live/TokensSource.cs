using System.Runtime.CompilerServices;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Dashboard.Live;

/// <summary>All API tokens, without the tokens themselves.</summary>
public sealed record TokensSnapshot(IReadOnlyList<TokenRow> Tokens);

/// <summary>Reads the API tokens.</summary>
public sealed class TokensSource(TokenStore tokens, IChangeFeed feed) : IViewSource<bool, TokensSnapshot>
{
    /// <inheritdoc/>
    public async Task<TokensSnapshot> ReadAsync(bool key, TokensSnapshot? previous, CancellationToken cancellationToken) =>
        new(await tokens.ListAsync(cancellationToken));

    /// <inheritdoc/>
    public async IAsyncEnumerable<bool> ChangesAsync(bool key, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var run in feed.Changes(null, cancellationToken))
        {
            // Changes of runs do not affect tokens.
            if (run == default)
            {
                yield return true;
            }
        }
    }

    /// <inheritdoc/>
    public TimeSpan? RefreshAfter(TokensSnapshot view) => null;
}
