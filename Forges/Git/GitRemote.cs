using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Shipinator.Forges.Git;

/// <summary>
/// All network access to Git hosts: addresses are checked and exactly these are connected to, credentials are sent only to their own
/// origin, redirects to other origins are not followed, time and concurrency are limited.
/// </summary>
internal sealed partial class GitRemote(
    ForgeOptions options,
    ClonePolicy policy,
    IRepositoryCredentials credentials,
    TimeProvider time,
    ILogger logger
) : IDisposable
{
    private const int MostRedirects = 3;
    private const int MostRemembered = 1000;

    /// <summary>A credential helper that prints the credential from the environment.</summary>
    private const string Helper =
        "!f() { test \"$1\" = get || exit 0; echo \"username=$SHIPINATOR_GIT_USERNAME\"; echo \"password=$SHIPINATOR_GIT_PASSWORD\"; }; f";

    private readonly GitProcess _git = new(options.IdleTimeout, options.FetchTimeout, time);
    private readonly HostLookup _lookup = new(policy, options.IdleTimeout, time);
    private readonly HostSlots _slots = new(options.FetchesPerHost, options.Fetches, options.WaitTimeout, time);
    private volatile bool _isVersionKnown;
    private readonly ConcurrentDictionary<string, CloneAddress> _moved = new(StringComparer.Ordinal);

    /// <summary>
    /// Fetches all refs into a bare mirror. Returns the repository's address when that differs from its clone URL. Errors:
    /// <see cref="ForgeException"/>.
    /// </summary>
    public async Task<CloneAddress?> FetchAsync(string mirror, ForgeRepository repository, CancellationToken cancellationToken)
    {
        var (_, address) = await RunAsync(
            mirror,
            repository,
            a => ["fetch", "--progress", "--prune", "--force", "--no-tags", "--no-write-fetch-head", a.Url, "+refs/*:refs/*"],
            cancellationToken
        );
        return address.Url == policy.Address(repository.CloneUrl).Url ? null : address;
    }

    /// <summary>The full ref that the remote's <c>HEAD</c> names; null when there is none. Errors: <see cref="ForgeException"/>.</summary>
    public async Task<string?> HeadAsync(string folder, ForgeRepository repository, CancellationToken cancellationToken)
    {
        var (result, _) = await RunAsync(folder, repository, a => ["ls-remote", "--symref", a.Url, "HEAD"], cancellationToken);
        return result
            .Output.Split('\n')
            .Where(l => l.StartsWith("ref: ", StringComparison.Ordinal) && l.EndsWith("\tHEAD", StringComparison.Ordinal))
            .Select(l => l["ref: ".Length..^"\tHEAD".Length])
            .FirstOrDefault();
    }

    /// <summary>Whether the remote has a full ref. Errors: <see cref="ForgeException"/>.</summary>
    public async Task<bool> HasRefAsync(string folder, ForgeRepository repository, string fullRef, CancellationToken cancellationToken)
    {
        var (result, _) = await RunAsync(folder, repository, a => ["ls-remote", "--refs", "--", a.Url, fullRef], cancellationToken);
        return result.Output.Split('\n').Any(l => l.EndsWith($"\t{fullRef}", StringComparison.Ordinal));
    }

    public void Dispose() => _slots.Dispose();

    private async Task<(GitResult Result, CloneAddress Address)> RunAsync(
        string folder,
        ForgeRepository repository,
        Func<CloneAddress, string[]> arguments,
        CancellationToken cancellationToken
    )
    {
        var origin = policy.Address(repository.CloneUrl);
        await RequireVersionAsync(cancellationToken);
        using var slot = await _slots.TakeAsync(origin.Host, cancellationToken);
        var known = _moved.GetValueOrDefault(origin.Url, origin);
        var (result, credential) = await OnceAsync(folder, repository.Id, known, arguments(known), cancellationToken);
        for (var hops = 0; GitFailure.IsRedirect(result) && hops < MostRedirects; hops++)
        {
            if (
                await new RedirectProbe(policy, options.IdleTimeout).FindAsync(
                    known,
                    await _lookup.FindAsync(known, cancellationToken),
                    credential,
                    cancellationToken
                )
                is not { } next
            )
            {
                break;
            }

            known = next;
            (result, credential) = await OnceAsync(folder, repository.Id, known, arguments(known), cancellationToken);
        }

        if (result is { End: GitEnd.Exited, Code: 0 })
        {
            Remember(origin, known);
            return (result, known);
        }

        _moved.TryRemove(origin.Url, out _);
        FetchFailed(logger, origin.Url, result.End, result.Code, Quoted(result.Error));
        throw GitFailure.Of(known, result, credential is not null, options.IdleTimeout, options.FetchTimeout);
    }

    private async Task<(GitResult Result, GitCredential? Credential)> OnceAsync(
        string folder,
        RepositoryId repository,
        CloneAddress address,
        string[] arguments,
        CancellationToken cancellationToken
    )
    {
        var addresses = await _lookup.FindAsync(address, cancellationToken);
        var credential = await credentials.Find(repository, address.Url, cancellationToken);
        var settings = new List<(string Key, string Value)>
        {
            ("http.followRedirects", "false"),
            ("protocol.allow", "never"),
            ("protocol.http.allow", "always"),
            ("protocol.https.allow", "always"),
            ("credential.helper", ""),
            ("core.hooksPath", "/dev/null"),
            ("core.askPass", ""),
            // A background clean-up would continue without the mirror's lock.
            ("gc.autoDetach", "false"),
            ("maintenance.autoDetach", "false"),
        };
        if (addresses.Count > 0)
        {
            // Connect to what was checked: a second look-up might return another address.
            settings.Add(
                (
                    "http.curloptResolve",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{address.Host}:{address.Port}:{string.Join(',', addresses.Select(Bracketed))}"
                    )
                )
            );
        }

        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LC_ALL"] = "C",
            ["HOME"] = "/nonexistent",
            ["GIT_CONFIG_NOSYSTEM"] = "1",
            ["GIT_CONFIG_GLOBAL"] = "/dev/null",
            ["GIT_TERMINAL_PROMPT"] = "0",
            ["GIT_ALLOW_PROTOCOL"] = "http:https",
            // A trickle of bytes is not progress.
            ["GIT_HTTP_LOW_SPEED_LIMIT"] = "1000",
            ["GIT_HTTP_LOW_SPEED_TIME"] = Math.Max(1, (int)options.IdleTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture),
        };
        if (credential is not null)
        {
            settings.Add(($"credential.{credential.Scope}.helper", Helper));
            environment["SHIPINATOR_GIT_USERNAME"] = credential.Username;
            environment["SHIPINATOR_GIT_PASSWORD"] = credential.Password;
        }

        environment["GIT_CONFIG_COUNT"] = settings.Count.ToString(CultureInfo.InvariantCulture);
        for (var i = 0; i < settings.Count; i++)
        {
            environment[string.Create(CultureInfo.InvariantCulture, $"GIT_CONFIG_KEY_{i}")] = settings[i].Key;
            environment[string.Create(CultureInfo.InvariantCulture, $"GIT_CONFIG_VALUE_{i}")] = settings[i].Value;
        }

        return (await _git.RunAsync(folder, arguments, environment, cancellationToken), credential);
    }

    /// <summary>Older versions of git ignore <c>http.curloptResolve</c>, to which addresses are pinned.</summary>
    private async Task RequireVersionAsync(CancellationToken cancellationToken)
    {
        if (_isVersionKnown)
        {
            return;
        }

        var result = await _git.RunAsync("/", ["version"], new Dictionary<string, string> { ["LC_ALL"] = "C" }, cancellationToken);
        var parts = result.Output.Trim().Replace("git version ", "", StringComparison.Ordinal).Split('.');
        if (
            parts is not [var first, var second, ..]
            || !int.TryParse(first, CultureInfo.InvariantCulture, out var major)
            || !int.TryParse(second, CultureInfo.InvariantCulture, out var minor)
            || (major, minor).CompareTo((2, 37)) < 0
        )
        {
            throw new ForgeException(
                ForgeException.Unreachable,
                $"Fetching repositories requires Git 2.37 or later on the server, but 'git version' printed '{result.Output.Trim()}'."
            );
        }

        _isVersionKnown = true;
    }

    private void Remember(CloneAddress origin, CloneAddress now)
    {
        if (now.Url != origin.Url && _moved.Count < MostRemembered)
        {
            _moved[origin.Url] = now;
        }
    }

    private static string Bracketed(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{new IPAddress(address.GetAddressBytes())}]" : address.ToString();

    /// <summary>The end of git's output on one line, without control characters: parts of it come from the host.</summary>
    private static string Quoted(string output)
    {
        var last = output.Length > 1000 ? output[^1000..] : output;
        return string.Concat(last.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
    }

    [LoggerMessage(5501, LogLevel.Warning, "Fetching {Url} failed ({End}, exit code {Code}): {Output}")]
    private static partial void FetchFailed(ILogger logger, string url, GitEnd end, int code, string output);
}
