namespace Shipinator.Artifacts;

/// <summary>The registered stores by their names; the one that was registered last takes what is new.</summary>
public sealed class ArtifactStores : IArtifactStores
{
    private readonly Dictionary<string, IArtifactStore> _stores = new(StringComparer.Ordinal);

    /// <summary>Of two of one name the later counts.</summary>
    public ArtifactStores(IEnumerable<IArtifactStore> stores)
    {
        ArgumentNullException.ThrowIfNull(stores);
        foreach (var store in stores)
        {
            _stores[store.Backend] = store;
            Current = store;
        }

        if (Current is null)
        {
            throw new InvalidOperationException("No artifact store is registered.");
        }
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<IArtifactStore> All => _stores.Values;

    /// <inheritdoc/>
    public IArtifactStore Current { get; }

    /// <inheritdoc/>
    public IArtifactStore Of(string backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        return _stores.GetValueOrDefault(backend)
            ?? throw new ConflictException(
                "storage_backend_unknown",
                $"The artifact lies in the store '{backend}', which this server does not have (it has {string.Join(", ", _stores.Keys.Order(StringComparer.Ordinal))}): start it with the settings of that store."
            );
    }
}
