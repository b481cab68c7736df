namespace Shipinator.WebFrontend;

/// <summary>A further condition of <c>/healthz/ready</c>, checked at every request.</summary>
public interface IReadinessCheck
{
    /// <summary>Null when this server is ready for requests; otherwise a sentence that says why it is not.</summary>
    Task<string?> ReasonAsync(CancellationToken cancellationToken);
}
