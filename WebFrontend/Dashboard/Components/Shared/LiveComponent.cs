using Microsoft.AspNetCore.Components;
using Shipinator.WebFrontend.Dashboard.Live;

namespace Shipinator.WebFrontend.Dashboard.Components.Shared;

/// <summary>A component that shows a shared view and is drawn again when it changes.</summary>
public abstract class LiveComponent<TKey, TView> : ComponentBase, IDisposable
    where TKey : notnull
    where TView : class
{
    private IDisposable? _subscription;
    private TKey? _key;
    private bool _isWatching;
    private int _generation;

    /// <summary>Where the views come from.</summary>
    [Inject]
    public required SharedViews<TKey, TView> Views { get; set; }

    /// <summary>What was read last; null before the first.</summary>
    protected TView? View { get; private set; }

    /// <summary>Why there is no news.</summary>
    protected Exception? Error { get; private set; }

    /// <summary>Looks at <paramref name="key"/> from now on.</summary>
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

    /// <summary>Called before the component is drawn with a new state.</summary>
    protected virtual Task ChangedAsync() => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Stops looking.</summary>
    protected virtual void Dispose(bool disposing)
    {
        _generation++;
        _subscription?.Dispose();
    }

    private async Task ShowAsync(int generation, ViewState<TView> state)
    {
        // A state of what was looked at before, on its way while the page moved on.
        if (generation != _generation)
        {
            return;
        }

        (View, Error) = (state.Value, state.Error);
        await ChangedAsync();
        StateHasChanged();
    }
}
