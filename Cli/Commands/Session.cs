using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary>What a command has at hand while it runs.</summary>
internal sealed record Session(
    ShipinatorClient Client,
    Connection Connection,
    ITerminal Terminal,
    TimeProvider Time,
    Interrupts Interrupts,
    bool IsJson
)
{
    public Catalog Catalog { get; } = new(Client);

    /// <summary>Canceled when the program is to end.</summary>
    public CancellationToken Token => Interrupts.Token;

    /// <summary>Prints a result: as JSON, or as people like it.</summary>
    public int Print<T>(T value, JsonTypeInfo<T> type, Action<T> forPeople)
    {
        if (IsJson)
        {
            Terminal.Result(JsonSerializer.Serialize(value, type));
        }
        else
        {
            forPeople(value);
        }

        return ExitCodes.Success;
    }
}
