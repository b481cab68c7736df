namespace Shipinator.WebFrontend;

/// <summary>A further condition of <c>/healthz/ready</c>, asked at every request.</summary>
public interface IReadinessCheck
{
    /// <summary>Null when this server may be given requests; else a sentence that says why not.</summary>
    Task<string?> ReasonAsync(CancellationToken cancellationToken);
}
