using System.Runtime.CompilerServices;

namespace Shipinator.Silo.Configuration;

/// <summary>Names settings by the members that they are bound to, so that no key is written as text.</summary>
internal static class SettingKey
{
    /// <summary>
    /// The key of a member that is accessed through a variable: <c>SettingKey.Of(options.Orleans.SiloPort)</c> is
    /// <c>Shipinator:Orleans:SiloPort</c>.
    /// </summary>
    public static string Of<T>(T member, [CallerArgumentExpression(nameof(member))] string path = "")
    {
        _ = member;
        return In(path.Split('.')[1..]);
    }

    /// <summary>The key with the given segments below <c>Shipinator</c>.</summary>
    public static string In(params IEnumerable<string> segments) => string.Join(':', segments.Prepend(ShipinatorOptions.Section));
}
