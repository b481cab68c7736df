using System.Globalization;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A recorded watch and the one of the fake cluster that is held against it.</summary>
internal sealed record OpenWatch(
    RecordedWatch Recorded,
    (string Kind, string Namespace) Of,
    long From,
    bool EndsByItself,
    Task<string> Text
)
{
    /// <summary>A state that is said again is the same state.</summary>
    private static List<string> Distinct(IEnumerable<string> states)
    {
        var distinct = new List<string>();
        foreach (var state in states)
        {
            if (distinct.Count == 0 || distinct[^1] != state)
            {
                distinct.Add(state);
            }
        }

        return distinct;
    }

    public static long Version(JsonObject change) =>
        long.Parse(change.Text("object", "metadata", "resourceVersion")!, CultureInfo.InvariantCulture);

    /// <summary>What the path of a watch is about.</summary>
    public static (string Kind, string Namespace) Subject(string path)
    {
        var parts = path.Split('?')[0].Split('/');
        return (parts[^1], parts[^2]);
    }

    /// <summary>How many states the recording shows before a version.</summary>
    public int StatesBefore(long version, Identities identities) =>
        Distinct(Recorded.Events.Where(e => Version(e) < version).Select(e => identities.Apply(Meaning.Of(Recorded.Place, e)))).Count;

    /// <summary>How many there were of the fake cluster's since the watch began.</summary>
    public int StatesSeen(FakeCluster cluster) =>
        Distinct(
            cluster
                .Store.Since(From)
                .Where(c => c.Key.Kind == Of.Kind && c.Key.Namespace == Of.Namespace)
                .Select(c => Meaning.Of(Recorded.Place, new JsonObject { ["type"] = c.Type, ["object"] = c.Object.Copy() }))
        ).Count;

    /// <summary>The first event that is not as recorded.</summary>
    public IEnumerable<string> Compare(IReadOnlyList<JsonObject> actual, Identities identities)
    {
        var wanted = Distinct(Recorded.Events.Select(e => identities.Apply(Meaning.Of(Recorded.Place, e))));
        var found = Distinct(actual.Select(e => Meaning.Of(Recorded.Place, e)));
        for (var i = 0; i < Math.Max(wanted.Count, found.Count); i++)
        {
            if (wanted.ElementAtOrDefault(i) != found.ElementAtOrDefault(i))
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Recorded.Place}: event {i + 1}\n  recorded: {wanted.ElementAtOrDefault(i)}\n  fake:     "
                        + $"{found.ElementAtOrDefault(i)}"
                );
                yield break;
            }
        }
    }
}
