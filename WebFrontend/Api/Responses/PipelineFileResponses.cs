using Shipinator.Client;
using Shipinator.Pipelines;

namespace Shipinator.WebFrontend.Api.Responses;

/// <summary>Errors of pipeline files as the API shows them.</summary>
internal static class PipelineFileResponses
{
    public static PipelineErrorResponse Of(FileError e) =>
        new()
        {
            Code = e.Code,
            Message = e.Message,
            File = e.File,
            Line = e.Line,
            Column = e.Column,
            Path = e.Path,
            Snippet = e.Snippet,
        };

    public static PipelineErrorResponse Of(PipelineError e) =>
        new()
        {
            Code = e.Code,
            Message = e.Message,
            File = e.File,
            Line = e.Line,
            Column = e.Column,
            Path = e.Path,
            Snippet = e.Snippet,
        };
}
