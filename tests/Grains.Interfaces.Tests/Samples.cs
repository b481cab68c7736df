using System.Collections.Immutable;
using System.Reflection;

namespace Shipinator.Tests;

/// <summary>
/// Makes a value of any type of the vocabulary with every member set to something that no default is, so that a member
/// that a serializer forgets shows as a difference. Called with both values of <c>flag</c>, since a bool has no third.
/// </summary>
public sealed class Samples(bool flag)
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 1, 2, 3, TimeSpan.Zero);
    private int _counter = 100;

    public T Of<T>() => (T)Of(typeof(T));

    public object Of(Type type)
    {
        _counter++;
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Of(underlying);
        }

        return type switch
        {
            _ when type == typeof(string) => $"text {_counter} – ünïcode",
            _ when type == typeof(int) => _counter,
            _ when type == typeof(long) => _counter + (1L << 40),
            _ when type == typeof(bool) => flag,
            _ when type == typeof(Guid) => new Guid(_counter, 7, 7, [1, 2, 3, 4, 5, 6, 7, 8]),
            _ when type == typeof(TimeSpan) => TimeSpan.FromMilliseconds(_counter),
            _ when type == typeof(DateTimeOffset) => Start.AddSeconds(_counter),
            _ when type == typeof(Lifecycle) => Life(),
            { IsEnum: true } => Enum.GetValues(type).GetValue(Enum.GetValues(type).Length - 1)!,
            { IsGenericType: true } when type.GetGenericTypeDefinition() == typeof(ImmutableArray<>) => Array(type),
            { IsGenericType: true } when type.GetGenericTypeDefinition() == typeof(ImmutableSortedDictionary<,>) => Dictionary(
                type,
                typeof(ImmutableSortedDictionary)
            ),
            { IsGenericType: true } when type.GetGenericTypeDefinition() == typeof(ImmutableDictionary<,>) => Dictionary(
                type,
                typeof(ImmutableDictionary)
            ),
            _ => Record(type),
        };
    }

    private Lifecycle Life()
    {
        var life = Lifecycle.Begin(Machine.Step, Start).MoveTo(Status.Running, Start.AddSeconds(_counter));
        return life.MoveTo(flag ? Status.Failed : Status.Canceled, Start.AddSeconds(_counter + 1), Reason.Evicted, $"detail {_counter}");
    }

    private object Array(Type type)
    {
        var element = type.GetGenericArguments()[0];
        var items = System.Array.CreateInstance(element, 2);
        items.SetValue(Of(element), 0);
        items.SetValue(Of(element), 1);
        return typeof(ImmutableArray)
            .GetMethods()
            .Single(m => m.Name == "Create" && m.GetParameters() is [{ ParameterType.IsArray: true }])
            .MakeGenericMethod(element)
            .Invoke(null, [items])!;
    }

    private object Dictionary(Type type, Type factory)
    {
        var arguments = type.GetGenericArguments();
        var empty = factory
            .GetMethods()
            .Single(m => m.Name == "Create" && m.GetParameters().Length == 0 && m.GetGenericArguments().Length == 2)
            .MakeGenericMethod(arguments)
            .Invoke(null, null)!;
        return type.GetMethod("Add", arguments)!.Invoke(empty, [Of(arguments[0]), Of(arguments[1])])!;
    }

    private object Record(Type type)
    {
        var constructor =
            type.GetConstructors(BindingFlags.Public | BindingFlags.Instance)
                .OrderByDescending(c => c.GetParameters().Length)
                .FirstOrDefault()
            ?? throw new InvalidOperationException($"{type} has no public constructor: teach Samples to make one.");
        var made = constructor.Invoke([.. constructor.GetParameters().Select(p => Of(p.ParameterType))]);
        var named = constructor.GetParameters().Select(p => p.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var property in type.GetProperties().Where(p => p.CanWrite && !named.Contains(p.Name)))
        {
            property.SetValue(made, Of(property.PropertyType));
        }

        return made;
    }
}
