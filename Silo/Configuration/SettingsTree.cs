using System.Collections;
using System.ComponentModel;
using System.Reflection;

namespace Shipinator.Silo.Configuration;

/// <summary>A setting: its key below <c>Shipinator</c>, the member that it is bound to, and the mode in which it has an effect.</summary>
internal sealed record SettingDescription(string Key, PropertyInfo? Member, Type? Type, object? Default, ServerMode Mode);

/// <summary>All known settings as a tree of sections and values, built from the members of the options classes.</summary>
internal sealed class SettingsTree
{
    private readonly Dictionary<string, SettingsTree> _members = new(StringComparer.OrdinalIgnoreCase);
    private SettingsTree? _elements;
    private bool _isList;
    private bool _isFreeForm;
    private Type? _valueType;
    private PropertyInfo? _member;
    private object? _default;
    private ServerMode _mode;

    /// <summary>The tree below <c>Shipinator</c>.</summary>
    public static SettingsTree Root { get; } = BuildRoot();

    /// <summary>All keys, such as <c>Orleans:Tls:Key</c>; <c>*</c> stands for a name that the operator chooses, 0 for an index.</summary>
    public IEnumerable<string> Keys() => Describe().Select(s => s.Key);

    /// <summary>All settings in the order of their declaration, with keys like those of <see cref="Keys"/>.</summary>
    public IEnumerable<SettingDescription> Describe() => Describe("", ServerMode.Any);

    /// <summary>Whether a setting or section exists.</summary>
    public bool Contains(string key) => Find(key.Split(':')) is not null;

    /// <summary>Checks a configuration for unknown keys and values of the wrong type. Returns the error messages.</summary>
    public IReadOnlyList<string> Check(IConfigurationSection section)
    {
        var errors = new List<string>();
        Check(section, errors);
        return errors;
    }

    private void Check(IConfigurationSection section, List<string> errors)
    {
        if (_isFreeForm)
        {
            return;
        }

        if (_valueType is not null)
        {
            CheckValue(section, errors);
            return;
        }

        if (section.Value is { Length: > 0 } text)
        {
            errors.Add($"{section.Path} is a section, but was set to '{text}'; expected keys: {ExpectedKeys()}.");
        }

        foreach (var child in section.GetChildren())
        {
            if (_elements is { } elements && (!_isList || int.TryParse(child.Key, out _)))
            {
                elements.Check(child, errors);
            }
            else if (_members.TryGetValue(child.Key, out var member))
            {
                member.Check(child, errors);
            }
            else
            {
                errors.AddRange(Leaves(child).Select(UnknownKey));
            }
        }
    }

    private static string UnknownKey(string path)
    {
        var suggestion = KeySuggestion.For(path[(ShipinatorOptions.Section.Length + 1)..], Root.Keys());
        return $"{path} is not a valid setting. Did you mean {SettingKey.In(suggestion)}?";
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
            errors.Add($"{child.Path} is not a valid setting: {section.Path} is a value, not a section.");
        }

        var type = Nullable.GetUnderlyingType(_valueType!) ?? _valueType!;
        if (section.Value is not { } text || type == typeof(string) || (text.Length == 0 && type != _valueType))
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
            errors.Add($"{section.Path} must be {ExpectedValue(type)}, but was '{text}'.");
        }
    }

    private static string ExpectedValue(Type type) =>
        type == typeof(TimeSpan) ? "a duration in the form [days.]hours:minutes:seconds, such as 00:05:00"
        : type == typeof(bool) ? "true or false"
        : type.IsEnum ? "one of " + string.Join(", ", Enum.GetNames(type))
        : type == typeof(int) || type == typeof(long) || type == typeof(uint) ? "an integer"
        : type == typeof(Uri) ? "a URL"
        : $"a {type.Name}";

    private string ExpectedKeys() =>
        _elements is null ? string.Join(", ", _members.Keys)
        : _isList ? "0, 1, 2, …"
        : "any name";

    private SettingsTree? Find(ReadOnlySpan<string> path) =>
        path.IsEmpty || _isFreeForm ? this
        : _elements is not null ? _elements.Find(path[1..])
        : _members.TryGetValue(path[0], out var member) ? member.Find(path[1..])
        : null;

    private IEnumerable<SettingDescription> Describe(string path, ServerMode inherited)
    {
        var mode = _mode == ServerMode.Any ? inherited : _mode;
        if (_valueType is not null)
        {
            return [new(path, _member, _valueType, _default, mode)];
        }

        var prefix = path.Length == 0 ? "" : path + ":";
        return _isFreeForm ? [new(prefix + "*", null, null, null, mode)]
            : _elements is not null ? _elements.Describe(prefix + (_isList ? "0" : "*"), mode)
            : _members.SelectMany(m => m.Value.Describe(prefix + m.Key, mode));
    }

    private static SettingsTree BuildRoot()
    {
        var root = Build(typeof(ShipinatorOptions), "");
        foreach (var (section, type) in Settings.Rooms)
        {
            var room = Build(type, section);
            if (root._members.TryGetValue(section, out var existing))
            {
                foreach (var (name, member) in room._members)
                {
                    existing._members.TryAdd(name, member);
                }
            }
            else
            {
                root._members.Add(section, room);
            }
        }

        foreach (var section in Settings.FreeForm.Keys)
        {
            root._members.Add(section, new() { _isFreeForm = true });
        }

        return root;
    }

    private static SettingsTree Build(Type type, string path, PropertyInfo? member = null, object? owner = null)
    {
        var tree = new SettingsTree { _member = member, _mode = member?.GetCustomAttribute<SettingAttribute>()?.Mode ?? ServerMode.Any };
        if (type == typeof(string) || type.IsValueType || type == typeof(Uri))
        {
            tree._valueType = type;
            tree._default = owner is null ? null : member?.GetValue(owner);
        }
        else if (type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type))
        {
            tree._elements = Build(type.GetGenericArguments()[^1], path + ":*", member);
            tree._isList = type.GetGenericArguments().Length == 1;
        }
        else
        {
            var instance = Activator.CreateInstance(type);
            foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(IsSetting))
            {
                var key = path.Length == 0 ? property.Name : $"{path}:{property.Name}";
                if (!Settings.NotSettings.Contains(key))
                {
                    tree._members.Add(property.Name, Build(property.PropertyType, key, property, instance));
                }
            }
        }

        return tree;
    }

    /// <summary>The members that the binder sets: those with a public setter, and dictionaries.</summary>
    private static bool IsSetting(PropertyInfo property) =>
        property.GetIndexParameters().Length == 0
        && (
            property.SetMethod is { IsPublic: true }
            || (property.PropertyType.IsGenericType && property.PropertyType.GetGenericTypeDefinition() == typeof(IDictionary<,>))
        );
}
