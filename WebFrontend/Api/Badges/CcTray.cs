using System.Globalization;
using System.Text;
using System.Xml;
using Shipinator.Schema.Queries;

namespace Shipinator.WebFrontend.Api.Badges;

/// <summary>The format of build monitors, <c>cc.xml</c>: one element for each pipeline.</summary>
public static class CcTray
{
    /// <summary>The response.</summary>
    public static IResult Of(HttpContext context, IReadOnlyList<PipelineHead> pipelines, Uri address)
    {
        ArgumentNullException.ThrowIfNull(context);
        context.Response.Headers.CacheControl = "no-cache";
        return TypedResults.Bytes(Document(pipelines, address), "application/xml; charset=utf-8");
    }

    /// <summary>The document, in UTF-8.</summary>
    public static byte[] Document(IReadOnlyList<PipelineHead> pipelines, Uri address)
    {
        ArgumentNullException.ThrowIfNull(pipelines);
        using var stream = new MemoryStream();
        using (
            var xml = XmlWriter.Create(
                stream,
                new()
                {
                    Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
                    Indent = true,
                    CheckCharacters = true,
                }
            )
        )
        {
            xml.WriteStartElement("Projects");
            foreach (var pipeline in pipelines)
            {
                xml.WriteStartElement("Project");
                xml.WriteAttributeString("name", Valid($"{pipeline.RepositoryName} ({pipeline.TriggerType})"));
                xml.WriteAttributeString("activity", pipeline.IsActive ? "Building" : "Sleeping");
                xml.WriteAttributeString(
                    "lastBuildStatus",
                    pipeline.LastStatus switch
                    {
                        Status.Success => "Success",
                        Status.Failed => "Failure",
                        null => "Unknown",
                        _ => "Exception",
                    }
                );
                if (pipeline.LastNumber is { } number)
                {
                    xml.WriteAttributeString("lastBuildLabel", number.ToString(CultureInfo.InvariantCulture));
                }

                if (pipeline.LastFinishedAt is { } at)
                {
                    xml.WriteAttributeString(
                        "lastBuildTime",
                        at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)
                    );
                }

                xml.WriteAttributeString("webUrl", new Uri(address, $"/pipelines/{pipeline.Id}").ToString());
                xml.WriteEndElement();
            }

            xml.WriteEndElement();
        }

        return stream.ToArray();
    }

    /// <summary>XML can't have some characters, however they are escaped.</summary>
    private static string Valid(string text)
    {
        var valid = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            valid.Append(rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? Rune.ReplacementChar : rune);
        }

        return valid.ToString();
    }
}
