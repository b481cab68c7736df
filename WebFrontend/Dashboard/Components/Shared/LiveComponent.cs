using Microsoft.AspNetCore.Components;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>A component that shows a shared view and renders again when the view changes.</summary>
public abstract class LiveComponent<TKey, TView> : ComponentBase, IDisposable
    where TKey : notnull
    where TView : class
{
    private IDisposable? _subscription;
    private TKey? _key;
    private bool _isWatching;
    private int _generation;

    /// <summary>The shared views of this kind.</summary>
    [Inject]
    public required SharedViews<TKey, TView> Views { get; set; }

    /// <summary>The last view that was read; null until the first one was.</summary>
    protected TView? View { get; private set; }

    /// <summary>Why the last read failed; null when it succeeded.</summary>
    protected Exception? Error { get; private set; }

    /// <summary>Subscribes to <paramref name="key"/> instead of the key before.</summary>
    protected void Watch(TKey key)
    {
        if (_isWatching && EqualityComparer<TKey>.Default.Equals(_key, key))
        {
            return;
        }

        _subscription?.Dispose();
        (_key, _isWatching, View, Error) = (key, true, null, null);
        var generation = ++_generation;
        _subscription = Views.Subscribe(key, state => InvokeAsync(() => ShowAsync(generation, state)));
    }

    /// <summary>Called before the component renders with a new state.</summary>
    protected virtual Task ChangedAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Ends the subscription.</summary>
    protected virtual void Dispose(bool disposing)
    {
        _generation++;
        _subscription?.Dispose();
    }

    private async Task ShowAsync(int generation, ViewState<TView> state)
    {
        // A state of an earlier subscription that was still under way.
        if (generation != _generation)
        {
            return;
        }

        (View, Error) = (state.Value, state.Error);
        await ChangedAsync();
        StateHasChanged();
    }
}
