using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Shipinator.Cli.IO;
using Shipinator.Cli.Server;
using Shipinator.Client;

namespace Shipinator.Cli.Commands;

/// <summary>The services that a command uses while it runs.</summary>
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

    /// <summary>Canceled when the program must end.</summary>
    public CancellationToken Token => Interrupts.Token;

    /// <summary>Prints a result, as JSON or as formatted text.</summary>
    public int Print<T>(T value, JsonTypeInfo<T> type, Action<T> writeText)
    {
        if (IsJson)
        {
            Terminal.WriteResult(JsonSerializer.Serialize(value, type));
        }
        else
        {
            writeText(value);
        }

        return ExitCodes.Success;
    }
}
