using System.Collections;
using System.ComponentModel;
using System.Reflection;

namespace Shipinator.Silo.Configuration;

/// <summary>The settings that there are, as a tree of sections and values, made from the options' members.</summary>
internal sealed class SettingsTree
{
    private readonly Dictionary<string, SettingsTree> _members = new(StringComparer.OrdinalIgnoreCase);
    private SettingsTree? _elements;
    private bool _numbered;
    private bool _free;
    private Type? _value;

    /// <summary>Everything below <c>Shipinator</c>.</summary>
    public static SettingsTree Whole { get; } = MakeWhole();

    /// <summary>Every key, as <c>Orleans:Tls:Key</c>; <c>*</c> stands for a name that the operator makes up, 0 for a position.</summary>
    public IEnumerable<string> Keys() => Keys("");

    /// <summary>Whether there is such a setting or section.</summary>
    public bool Knows(string key) => Find(key.Split(':')) is not null;

    /// <summary>What is wrong with a configuration, a sentence for each.</summary>
    public IReadOnlyList<string> Check(IConfigurationSection section)
    {
        var errors = new List<string>();
        Check(section, errors);
        return errors;
    }

    private void Check(IConfigurationSection section, List<string> errors)
    {
        if (_free)
        {
            return;
        }

        if (_value is not null)
        {
            CheckValue(section, errors);
            return;
        }

        if (section.Value is { Length: > 0 } text)
        {
            errors.Add($"{section.Path} is '{text}'; it is a section, whose keys are {Names()}.");
        }

        foreach (var child in section.GetChildren())
        {
            if (_elements is { } elements && (!_numbered || int.TryParse(child.Key, out _)))
            {
                elements.Check(child, errors);
            }
            else if (_members.TryGetValue(child.Key, out var member))
            {
                member.Check(child, errors);
            }
            else
            {
                errors.AddRange(
                    Leaves(child)
                        .Select(leaf =>
                            $"{leaf} is no setting: nothing would read it. {Nearest.To(leaf[(ShipinatorOptions.Section.Length + 1)..], Whole.Keys())}"
                        )
                );
            }
        }
    }

    private static IEnumerable<string> Leaves(IConfigurationSection section)
    {
        var children = section.GetChildren().ToList();
        return children.Count == 0 ? [section.Path] : children.SelectMany(Leaves);
    }

    private void CheckValue(IConfigurationSection section, List<string> errors)
    {
        if (section.GetChildren().FirstOrDefault() is { } child)
        {
            errors.Add($"{child.Path} is no setting: {section.Path} is a value, not a section.");
        }

        var type = Nullable.GetUnderlyingType(_value!) ?? _value!;
        if (section.Value is not { } text || type == typeof(string) || (text.Length == 0 && type != _value))
        {
            return;
        }

        try
        {
            _ =
                type == typeof(Uri)
                    ? new Uri(text, UriKind.RelativeOrAbsolute)
                    : TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or NotSupportedException or OverflowException)
        {
            errors.Add($"{section.Path} is '{text}'; it must be {Words(type)}.");
        }
    }

    private static string Words(Type type) =>
        type == typeof(TimeSpan) ? "a time as [days.]hours:minutes:seconds, 00:05:00 for five minutes"
        : type == typeof(bool) ? "true or false"
        : type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(type))
        : type == typeof(int) || type == typeof(long) ? "a whole number"
        : type == typeof(Uri) ? "a URL"
        : $"a {type.Name}";

    private string Names() =>
        _elements is not null
            ? _numbered
                ? "0, 1, 2, …"
                : "names that you make up"
            : string.Join(", ", _members.Keys);

    private SettingsTree? Find(ReadOnlySpan<string> path) =>
        path.IsEmpty || _free ? this
        : _elements is not null ? _elements.Find(path[1..])
        : _members.TryGetValue(path[0], out var member) ? member.Find(path[1..])
        : null;

    private IEnumerable<string> Keys(string prefix)
    {
        if (_value is not null)
        {
            return [prefix];
        }

        var before = prefix.Length == 0 ? "" : prefix + ":";
        return _free ? [before + "*"]
            : _elements is not null ? _elements.Keys(before + (_numbered ? "0" : "*"))
            : _members.SelectMany(m => m.Value.Keys(before + m.Key));
    }

    private static SettingsTree MakeWhole()
    {
        var whole = Of(typeof(ShipinatorOptions), "");
        foreach (var (section, type) in Settings.Rooms)
        {
            var room = Of(type, section);
            if (whole._members.TryGetValue(section, out var there))
            {
                foreach (var (name, member) in room._members)
                {
                    there._members.TryAdd(name, member);
                }
            }
            else
            {
                whole._members.Add(section, room);
            }
        }

        foreach (var section in Settings.FreeForm)
        {
            whole._members.Add(section, new() { _free = true });
        }

        return whole;
    }

    private static SettingsTree Of(Type type, string path)
    {
        var tree = new SettingsTree();
        if (type == typeof(string) || type.IsValueType || type == typeof(Uri))
        {
            tree._value = type;
        }
        else if (type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type))
        {
            tree._elements = Of(type.GetGenericArguments()[^1], path + ":*");
            tree._numbered = type.GetGenericArguments().Length == 1;
        }
        else
        {
            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(IsSetting))
            {
                var key = path.Length == 0 ? property.Name : $"{path}:{property.Name}";
                if (!Settings.NotSettings.Contains(key))
                {
                    tree._members.Add(property.Name, Of(property.PropertyType, key));
                }
            }
        }

        return tree;
    }

    /// <summary>What the binder fills: what can be set, and dictionaries that are there already.</summary>
    private static bool IsSetting(PropertyInfo property) =>
        property.GetIndexParameters().Length == 0
        && (
            property.SetMethod is { IsPublic: true }
            || (property.PropertyType.IsGenericType && property.PropertyType.GetGenericTypeDefinition() == typeof(IDictionary<,>))
        );
}
