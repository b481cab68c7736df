using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Shipinator.Schema.Stores;

namespace Shipinator.WebFrontend.Security;

/// <summary>The data protection key ring in PostgreSQL, so that every silo can read every silo's cookies.</summary>
public sealed class KeyRing(DataProtectionKeyStore store, TimeProvider time) : IXmlRepository
{
    /// <inheritdoc/>
    public IReadOnlyCollection<XElement> GetAllElements() => [.. store.All().Select(XElement.Parse)];

    /// <inheritdoc/>
    public void StoreElement(XElement element, string friendlyName)
    {
        ArgumentNullException.ThrowIfNull(element);
        store.Add(
            string.IsNullOrEmpty(friendlyName) ? EntityId.NewValue(time).ToString() : friendlyName,
            element.ToString(SaveOptions.DisableFormatting)
        );
    }
}
