using System.Net;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>What became of the declared outputs: the uploaded ones' ids, and why a step that had succeeded fails after all.</summary>
internal sealed record OutputsResult(IReadOnlyList<string> Ids, string? Reason = null, string? Detail = null);

/// <summary>
/// Uploads what a step declared. Everything is looked at before the first byte is sent: what can't be kept fails the step by a reason
/// of its own, at once, and is not tried again.
/// </summary>
internal sealed class Outputs(RunnerClient client, RunnerSettings settings, Masker masker, TimeProvider time)
{
    public const string Missing = "artifact_missing";
    public const string Invalid = "artifact_invalid";
    private const int LongestName = 1000;
    private const int TriesOfAChangingFile = 3;

    private readonly List<string> _ids = [];
    private (string Reason, string Detail)? _verdict;
    private bool _succeeded;

    /// <summary>Errors: <see cref="PrepareException"/> and <see cref="IOException"/> when the server or this machine fails, <see cref="OperationCanceledException"/>.</summary>
    public async Task<OutputsResult> KeepAsync(IReadOnlyList<OutputResponse> outputs, bool succeeded, CancellationToken cancellationToken)
    {
        _succeeded = succeeded;
        var items = outputs.Where(o => IsWanted(o, succeeded)).SelectMany(o => Find(o, cancellationToken)).ToList();
        foreach (var item in items)
        {
            // A step that fails by one of its outputs still leaves what it leaves when it fails.
            if (!IsWanted(item.Output, _succeeded))
            {
                continue;
            }

            try
            {
                await KeepAsync(item, cancellationToken);
            }
            catch (ArtifactInvalidException e)
            {
                Fail(Invalid, $"The output {item.Output.Type} {item.Name} can't be kept: {e.Message}");
            }
        }

        return new(_ids, _verdict?.Reason, _verdict?.Detail);
    }

    private static bool IsWanted(OutputResponse output, bool succeeded) =>
        output.When == "always" || (output.When == "failure" ? !succeeded : succeeded);

    private void Fail(string reason, string detail)
    {
        if (_succeeded && _verdict is null)
        {
            _verdict = (reason, detail);
            _succeeded = false;
        }
        else
        {
            // The first one is the step's end; the others are told.
            masker.Say(detail);
        }
    }

    /// <summary>What an output means; what is wrong with it is told or becomes the step's failure.</summary>
    private List<Item> Find(OutputResponse output, CancellationToken cancellationToken)
    {
        if (output.Ref is not null)
        {
            return [new(output, output.Ref, null, false)];
        }

        var pattern = Trim(output.Path!);
        if (WorkspacePaths.Inside(settings.Workspace, pattern) is not { } folder)
        {
            Fail(Invalid, $"The output {output.Type} {pattern} leads out of the workspace: outputs lie below it.");
            return [];
        }

        if (Directory.Exists(folder))
        {
            return [new(output, (pattern == "." ? "workspace" : pattern) + ".tar.gz", folder, true)];
        }

        var found = new WorkspaceFiles(settings.Workspace).Find(pattern, cancellationToken);
        var wrong = found.LeftOut.Where(l => IsMistake(l, pattern)).ToList();
        var names = found.Files.Where(f => NameProblem(f.Name) is not null).ToList();
        if (wrong.Count + names.Count > 0)
        {
            var told = wrong
                .Select(l => Visible((l with { Name = Shortened(l.Name) }).ToString()))
                .Concat(names.Select(f => $"'{Visible(f.Name)}' {NameProblem(f.Name)}"))
                .Take(5)
                .ToList();
            Fail(
                Invalid,
                $"The output {output.Type} {pattern} can't be kept: {string.Join("; ", told)}{(wrong.Count + names.Count > told.Count ? "; and others" : "")}. Only regular files with printable names can be."
            );
        }
        else if (found.Told is { } leftOut)
        {
            masker.Say($"Output {pattern}: {Visible(leftOut)}");
        }

        if (found.Files.Count == 0 && wrong.Count == 0)
        {
            if (_succeeded && !output.Optional)
            {
                Fail(Missing, $"The step succeeded, but a declared output is not there: {output.Type} {pattern}.");
            }
            else
            {
                masker.Say($"Output {output.Type} {pattern}: nothing is there.");
            }
        }

        return [.. found.Files.Except(names).Select(f => new Item(output, f.Name, f.Path, false))];
    }

    /// <summary>Links that a wildcard meets by the way are left alone; what is meant and can't be read is the step's mistake.</summary>
    private static bool IsMistake(LeftOut leftOut, string pattern) =>
        leftOut.Reason is not (LeftOutReason.LeadsOut or LeftOutReason.LinkedFolder) || leftOut.Name == pattern;

    private async Task KeepAsync(Item item, CancellationToken cancellationToken)
    {
        var name = masker.Hide(item.Name);
        if (item.Path is null)
        {
            _ids.Add((await SendAsync(() => client.RecordRefAsync(item.Output.Type, name, cancellationToken), cancellationToken)).Id);
            return;
        }

        if (NameProblem(item.Name) is { } problem)
        {
            throw new ArtifactInvalidException($"its name {problem}.");
        }

        var packed = item.IsFolder ? Path.Combine(settings.Control, "output.tar.gz") : null;
        try
        {
            if (packed is not null)
            {
                FolderArchive.Pack(settings.Workspace, item.Path, packed, cancellationToken);
            }

            await using var file = packed is null ? RegularFile.Open(settings.Workspace, item.Path, item.Name) : File.OpenRead(packed);
            var uploaded = await UploadAsync(item, name, file, cancellationToken);
            masker.Say($"Artifact {item.Output.Type} {item.Name} ({uploaded.Size} bytes)");
            _ids.Add(uploaded.Id);
        }
        finally
        {
            if (packed is not null)
            {
                File.Delete(packed);
            }
        }
    }

    /// <summary>A file that somebody still writes is tried again: it may be whole by then.</summary>
    private async Task<UploadedArtifact> UploadAsync(Item item, string name, FileStream file, CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await SendAsync(() => client.UploadAsync(item.Output.Type, name, file, cancellationToken), cancellationToken);
            }
            catch (Exception e) when (e is ContentChangedException or ServerResponseException { Code: "checksum_mismatch" } || IsChanged(e))
            {
                if (failures == TriesOfAChangingFile)
                {
                    throw new ArtifactInvalidException(
                        "it changed each time while it was read. Let the step end only when nothing writes to it any more."
                    );
                }

                await Backoff.WaitAsync(failures, time).WaitAsync(cancellationToken);
            }
        }
    }

    private static bool IsChanged(Exception? e) =>
        e is ContentChangedException || (e is HttpRequestException { InnerException: { } inner } && IsChanged(inner));

    private async Task<UploadedArtifact> SendAsync(Func<Task<UploadedArtifact>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await Persistence.TryRawAsync(
                async () =>
                {
                    try
                    {
                        return await call();
                    }
                    catch (HttpRequestException e) when (IsChanged(e))
                    {
                        throw new ContentChangedException(e.Message);
                    }
                },
                time,
                cancellationToken
            );
        }
        catch (ServerResponseException e)
            when (e is { Code: not "checksum_mismatch" }
                && (
                    e.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnprocessableEntity
                    || e.Code == "artifact_exists"
                )
            )
        {
            throw new ArtifactInvalidException($"the server does not take it: {e.Detail ?? e.Message}");
        }
        catch (HttpRequestException e) when (e is not ServerResponseException { Code: "checksum_mismatch" })
        {
            throw new PrepareException($"The server refused an artifact: {e.Message}");
        }
    }

    private static string Trim(string pattern)
    {
        var trimmed = pattern.Trim().TrimEnd('/');
        while (trimmed.StartsWith("./", StringComparison.Ordinal))
        {
            trimmed = trimmed[2..];
        }

        return trimmed.Length == 0 ? "." : trimmed;
    }

    private static string? NameProblem(string name) =>
        name.Length > LongestName ? $"has more than {LongestName} characters"
        : name.Any(char.IsControl) ? "has control characters in it"
        : name.Contains('\uFFFD', StringComparison.Ordinal) ? "is not UTF-8"
        : null;

    /// <summary>Control characters as their codes, long texts shortened: for a sentence.</summary>
    private static string Visible(string text)
    {
        var visible = new StringBuilder();
        foreach (var c in Shortened(text))
        {
            _ = char.IsControl(c) ? visible.Append($"\\x{(int)c:x2}") : visible.Append(c);
        }

        return visible.ToString();
    }

    private static string Shortened(string text) => text.Length > LongestName ? text[..100] + "…" : text;

    private sealed record Item(OutputResponse Output, string Name, string? Path, bool IsFolder);
}
