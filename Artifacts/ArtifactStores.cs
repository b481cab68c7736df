namespace Shipinator.Artifacts;

/// <summary>The registered stores by name; the one registered last receives new artifacts.</summary>
public sealed class ArtifactStores : IArtifactStores
{
    private readonly Dictionary<string, IArtifactStore> _stores = new(StringComparer.Ordinal);

    /// <summary>Of two stores with the same name the later one is used.</summary>
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
                $"The artifact is in the store '{backend}', which is not configured on this server (configured: "
                    + $"{string.Join(", ", _stores.Keys.Order(StringComparer.Ordinal))}). Start the server with the settings of that store."
            );
    }
}
