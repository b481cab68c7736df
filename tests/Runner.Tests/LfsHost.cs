using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Shipinator.Testing;

namespace Shipinator.Runner.Tests;

/// <summary>Git LFS of a Git host: the batch API and the download of objects, and repositories with pointer files.</summary>
internal sealed class LfsHost(GitHttpServer host)
{
    private readonly Dictionary<string, byte[]> _objects = [];

    /// <summary>How often an object was downloaded.</summary>
    public int Downloads { get; private set; }

    /// <summary>The pointer file for a content.</summary>
    public static string Pointer(string content) =>
        $"version https://git-lfs.github.com/spec/v1\noid sha256:{Oid(content)}\nsize {Encoding.UTF8.GetByteCount(content)}\n";

    public static string Oid(string content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    /// <summary>Writes a pointer file, and that files of its extension are LFS files.</summary>
    public static void Write(string folder, string name, string content)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, ".gitattributes"), $"*{Path.GetExtension(name)} filter=lfs diff=lfs merge=lfs -text\n");
        File.WriteAllText(Path.Combine(folder, name), Pointer(content));
    }

    /// <summary>Commits pointer files as they are, whatever this machine's settings say about LFS.</summary>
    public static string Commit(string folder)
    {
        if (!Directory.Exists(Path.Combine(folder, ".git")))
        {
            GitHttpServer.Git(folder, "init", "-q", "-b", "main");
        }

        string[] plain = ["-c", "filter.lfs.clean=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"];
        GitHttpServer.Git(folder, [.. plain, "add", "-A"]);
        GitHttpServer.Git(folder, [.. plain, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "-m", "one"]);
        return GitHttpServer.Git(folder, "rev-parse", "HEAD");
    }

    public void Add(string content) => _objects[Oid(content)] = Encoding.UTF8.GetBytes(content);

    /// <summary>Handles requests for LFS; false for all others. For <see cref="GitHttpServer.Before"/>.</summary>
    public async Task<bool> ServeAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (path.EndsWith("/info/lfs/objects/batch", StringComparison.Ordinal))
        {
            using var request = await JsonDocument.ParseAsync(context.Request.Body);
            var objects = request.RootElement.GetProperty("objects").EnumerateArray().Select(Describe).ToList();
            context.Response.ContentType = "application/vnd.git-lfs+json";
            await context.Response.WriteAsync(JsonSerializer.Serialize(new { transfer = "basic", objects }));
            return true;
        }

        if (path.StartsWith("/lfs-objects/", StringComparison.Ordinal))
        {
            Downloads++;
            await context.Response.Body.WriteAsync(_objects[path["/lfs-objects/".Length..]]);
            return true;
        }

        return false;
    }

    private object Describe(JsonElement wanted)
    {
        var oid = wanted.GetProperty("oid").GetString()!;
        var size = wanted.GetProperty("size").GetInt64();
        return _objects.ContainsKey(oid)
            ? new
            {
                oid,
                size,
                actions = new { download = new { href = host.Url("/lfs-objects/" + oid) } },
            }
            : new
            {
                oid,
                size,
                error = new { code = 404, message = "Object does not exist" },
            };
    }
}
