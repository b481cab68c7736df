using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Shipinator.Testing;

/// <summary>
/// A Git host on 127.0.0.1: Kestrel with <c>git http-backend</c>. A test can respond in its place, and inspect the requests.
/// </summary>
internal sealed class GitHttpServer : IAsyncDisposable
{
    private static readonly Lazy<(X509Certificate2 Certificate, string Pem)> Tls = new(MakeCertificate);
    private readonly string _root;
    private readonly WebApplication _app;

    private GitHttpServer(string root, bool tls)
    {
        _root = root;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
            k.Listen(
                IPAddress.Loopback,
                0,
                l =>
                {
                    if (tls)
                    {
                        l.UseHttps(Tls.Value.Certificate);
                    }
                }
            )
        );
        _app = builder.Build();
        _app.Run(ServeAsync);
    }

    /// <summary>Handles a request in place of Git; returns false to let Git handle it.</summary>
    public Func<HttpContext, Task<bool>> Before { get; set; } = _ => Task.FromResult(false);

    /// <summary>The path and the Authorization header of every request.</summary>
    public ConcurrentQueue<(string Path, string Authorization)> Requests { get; } = new();

    /// <summary>The user names and passwords that were sent, decoded.</summary>
    public IEnumerable<string> Credentials =>
        Requests
            .Where(r => r.Authorization.StartsWith("Basic ", StringComparison.Ordinal))
            .Select(r => Encoding.UTF8.GetString(Convert.FromBase64String(r.Authorization["Basic ".Length..])));

    public int Port { get; private set; }

    /// <summary>A file with the certificate of every TLS server of this process.</summary>
    public static string CertificateFile => Tls.Value.Pem;

    public static async Task<GitHttpServer> StartAsync(string root, bool tls = false)
    {
        Directory.CreateDirectory(root);
        var server = new GitHttpServer(root, tls);
        await server._app.StartAsync();
        server.Port = new Uri(server._app.Urls.Single()).Port;
        return server;
    }

    public string Url(string path, string host = "127.0.0.1", string scheme = "http") =>
        string.Create(CultureInfo.InvariantCulture, $"{scheme}://{host}:{Port}{path}");

    /// <summary>
    /// Creates a bare repository at a path such as <c>/org/app.git</c>, with one commit of these files on <c>main</c>. Returns the commit.
    /// </summary>
    public string Create(string path, params (string Name, string Text)[] files)
    {
        var work = Directory.CreateTempSubdirectory("ship-make-").FullName;
        try
        {
            Git(work, "init", "-q", "-b", "main");
            foreach (var (name, text) in files)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(work, name))!);
                File.WriteAllText(Path.Combine(work, name), text);
            }

            Git(work, "add", "-A");
            Git(work, "-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "-q", "--allow-empty", "-m", "one");
            var bare = Bare(path);
            Directory.CreateDirectory(Path.GetDirectoryName(bare)!);
            Git(work, "clone", "-q", "--bare", work, bare);
            Git(bare, "config", "uploadpack.allowAnySHA1InWant", "true");
            Git(bare, "config", "uploadpack.allowFilter", "true");
            return Git(work, "rev-parse", "HEAD");
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    public string Bare(string path) => Path.Combine(_root, path.TrimStart('/'));

    /// <summary>Requires this <c>user:password</c> for every request; replaces <see cref="Before"/>.</summary>
    public void RequireCredential(string credential) => Before = context => AskedFor(context, credential);

    /// <summary>Responds with 401 and returns true unless the request has this <c>user:password</c>.</summary>
    public static Task<bool> AskedFor(HttpContext context, string credential)
    {
        if (context.Request.Headers.Authorization == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credential)))
        {
            return Task.FromResult(false);
        }

        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = "Basic realm=\"git\"";
        return Task.FromResult(true);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    public static string Git(string folder, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output.Trim();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var request = context.Request;
        Requests.Enqueue((request.Path + request.QueryString, request.Headers.Authorization.ToString()));
        if (await Before(context))
        {
            return;
        }

        await GitHttpBackend.ServeAsync(context, _root);
    }

    private static (X509Certificate2, string) MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var file = Path.Combine(Directory.CreateTempSubdirectory("ship-tls-").FullName, "ca.pem");
        File.WriteAllText(file, certificate.ExportCertificatePem());
        return (X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null), file);
    }
}
