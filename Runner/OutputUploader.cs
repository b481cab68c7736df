using System.Net;
using System.Text;
using Shipinator.Client;

namespace Shipinator.Runner;

/// <summary>The ids of the uploaded outputs, and the reason if they fail a step whose command succeeded.</summary>
internal sealed record OutputsResult(IReadOnlyList<string> Ids, string? Reason = null, string? Detail = null);

/// <summary>
/// Uploads a step's declared outputs. All are checked before the first byte is sent: an invalid output fails the step immediately,
/// with its own reason, and is not retried.
/// </summary>
internal sealed class OutputUploader(RunnerClient client, RunnerSettings settings, Masker masker, TimeProvider time)
{
    private const int MaxNameLength = 1000;
    private const int AttemptsOfChangingFile = 3;

    private readonly List<string> _ids = [];
    private (string Reason, string Detail)? _verdict;
    private bool _succeeded;

    /// <summary>
    /// Errors: <see cref="PrepareException"/> and <see cref="IOException"/> when the server or this machine fails,
    /// <see cref="OperationCanceledException"/>.
    /// </summary>
    public async Task<OutputsResult> KeepAsync(IReadOnlyList<OutputResponse> outputs, bool succeeded, CancellationToken cancellationToken)
    {
        _succeeded = succeeded;
        var items = outputs.Where(o => IsWanted(o, succeeded)).SelectMany(o => Find(o, cancellationToken)).ToList();
        foreach (var item in items)
        {
            // A step that fails because of one of its outputs still uploads those that are for failures.
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
                Fail(RunnerReasons.ArtifactInvalid, $"The output {item.Output.Type} {item.Name} can't be uploaded: {e.Message}");
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
            // The first one is the step's reason; the others are only logged.
            masker.WriteLine(detail);
        }
    }

    /// <summary>The files and folders that an output matches; what is wrong with it is logged or fails the step.</summary>
    private List<Item> Find(OutputResponse output, CancellationToken cancellationToken)
    {
        if (output.Ref is not null)
        {
            return [new(output, output.Ref, null, false)];
        }

        var pattern = Trim(output.Path!);
        if (WorkspacePaths.Inside(settings.Workspace, pattern) is not { } folder)
        {
            Fail(
                RunnerReasons.ArtifactInvalid,
                $"The output {output.Type} {pattern} points outside the workspace; outputs must be inside it."
            );
            return [];
        }

        if (Directory.Exists(folder))
        {
            return [new(output, (pattern == "." ? "workspace" : pattern) + ".tar.gz", folder, true)];
        }

        var found = new WorkspaceFiles(settings.Workspace).Find(pattern, cancellationToken);
        var wrong = found.Skipped.Where(l => IsMistake(l, pattern)).ToList();
        var names = found.Files.Where(f => NameProblem(f.Name) is not null).ToList();
        if (wrong.Count + names.Count > 0)
        {
            var shown = wrong
                .Select(l => Visible((l with { Name = Shortened(l.Name) }).ToString()))
                .Concat(names.Select(f => $"'{Visible(f.Name)}' {NameProblem(f.Name)}"))
                .Take(5)
                .ToList();
            var more = wrong.Count + names.Count > shown.Count ? "; and others" : "";
            Fail(
                RunnerReasons.ArtifactInvalid,
                $"The output {output.Type} {pattern} can't be uploaded: {string.Join("; ", shown)}{more}. "
                    + "Only regular files with printable names can be uploaded."
            );
        }
        else if (found.Summary is { } skipped)
        {
            masker.WriteLine($"Output {pattern}: {Visible(skipped)}");
        }

        if (found.Files.Count == 0 && wrong.Count == 0)
        {
            if (_succeeded && !output.Optional)
            {
                Fail(RunnerReasons.ArtifactMissing, $"The step succeeded, but a declared output is missing: {output.Type} {pattern}.");
            }
            else
            {
                masker.WriteLine($"Output {output.Type} {pattern}: nothing found.");
            }
        }

        return [.. found.Files.Except(names).Select(f => new Item(output, f.Name, f.Path, false))];
    }

    /// <summary>Links that a wildcard matches are ignored; a link that is named, or a file that can't be read, fails the step.</summary>
    private static bool IsMistake(SkippedEntry skipped, string pattern) =>
        skipped.Reason is not (SkipReason.LeadsOut or SkipReason.LinkedFolder) || skipped.Name == pattern;

    private async Task KeepAsync(Item item, CancellationToken cancellationToken)
    {
        var name = masker.Mask(item.Name);
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
                // The step may have removed it with everything else.
                Directory.CreateDirectory(settings.Control);
                FolderArchive.Pack(settings.Workspace, item.Path, packed, cancellationToken);
            }

            await using var file = packed is null ? RegularFile.Open(settings.Workspace, item.Path, item.Name) : File.OpenRead(packed);
            var uploaded = await UploadAsync(item, name, file, cancellationToken);
            masker.WriteLine($"Artifact {item.Output.Type} {item.Name} ({uploaded.Size} bytes)");
            _ids.Add(uploaded.Id);
        }
        finally
        {
            if (packed is not null && Directory.Exists(settings.Control))
            {
                File.Delete(packed);
            }
        }
    }

    /// <summary>A file that is still being written is retried: it may be complete by then.</summary>
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
                if (failures == AttemptsOfChangingFile)
                {
                    throw new ArtifactInvalidException(
                        "it changed each time while it was read. The step must not end before its processes have stopped writing to it."
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
            return await ServerRetry.TryRawAsync(
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
            throw new ArtifactInvalidException($"the server rejected it: {e.Detail ?? e.Message}");
        }
        catch (HttpRequestException e) when (e is not ServerResponseException { Code: "checksum_mismatch" })
        {
            throw new PrepareException($"The server rejected an artifact: {e.Message}");
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
        name.Length > MaxNameLength ? $"has more than {MaxNameLength} characters"
        : name.Any(char.IsControl) ? "contains control characters"
        : name.Contains('\uFFFD', StringComparison.Ordinal) ? "is not valid UTF-8"
        : null;

    /// <summary>For a detail: control characters as their codes, long texts shortened.</summary>
    private static string Visible(string text)
    {
        var visible = new StringBuilder();
        foreach (var c in Shortened(text))
        {
            _ = char.IsControl(c) ? visible.Append($"\\x{(int)c:x2}") : visible.Append(c);
        }

        return visible.ToString();
    }

    private static string Shortened(string text) => text.Length > MaxNameLength ? text[..100] + "…" : text;

    private sealed record Item(OutputResponse Output, string Name, string? Path, bool IsFolder);
}
