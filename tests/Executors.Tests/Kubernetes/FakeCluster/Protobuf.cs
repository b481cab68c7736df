using System.Text;
using System.Text.Json.Nodes;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>The only protobuf request of kubectl: to create a namespace.</summary>
internal static class Protobuf
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";
    private static ReadOnlySpan<byte> Magic => [0x6b, 0x38, 0x73, 0x00];

    /// <summary>Its name and labels, as JSON; null for what it can't read.</summary>
    public static string? Namespace(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic))
        {
            return null;
        }

        // An envelope of type and raw object; the object's first field is its metadata: name is 1, labels are 11.
        var envelope = Fields(body[Magic.Length..]);
        var type = Fields(envelope.FirstOrDefault(f => f.Number == 1).Value);
        var meta = Fields(Fields(envelope.FirstOrDefault(f => f.Number == 2).Value).FirstOrDefault(f => f.Number == 1).Value);
        if (!type.Any(f => f.Number == 2 && Text(f.Value) == "Namespace"))
        {
            return null;
        }

        var labels = new JsonObject(
            meta.Where(f => f.Number == 11)
                .Select(f => Fields(f.Value))
                .Select(p =>
                    KeyValuePair.Create(Text(p.First(f => f.Number == 1).Value), (JsonNode?)Text(p.First(f => f.Number == 2).Value))
                )
        );
        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = Text(meta.First(f => f.Number == 1).Value), ["labels"] = labels },
        }.ToJsonString();
    }

    private static string Text(byte[] value) => Encoding.UTF8.GetString(value);

    private static List<(int Number, byte[] Value)> Fields(ReadOnlySpan<byte> message)
    {
        var all = new List<(int, byte[])>();
        while (message.Length > 0)
        {
            var key = Number(ref message);
            switch (key & 7)
            {
                case 0:
                    Number(ref message);
                    break;
                case 2:
                    var length = (int)Number(ref message);
                    all.Add(((int)(key >> 3), message[..length].ToArray()));
                    message = message[length..];
                    break;
                default:
                    return all;
            }
        }

        return all;
    }

    private static ulong Number(ref ReadOnlySpan<byte> message)
    {
        ulong number = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[0];
            message = message[1..];
            number |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return number;
            }
        }
    }
}
