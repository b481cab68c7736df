using Shipinator.Schema.Stores;
using Shipinator.Silo.Configuration;
using Shipinator.Triggers.Secrets;

namespace Shipinator.Silo.Standalone;

/// <summary>
/// Loads the keys of stored secrets: from the settings, else, for a single server, from a file in the data folder, which the first start
/// creates.
/// </summary>
public sealed class SecretKeySource(ShipinatorOptions options, DataFolder folder)
{
    private const string FileName = "secret.key";

    /// <summary>
    /// Fills the key ring. Errors: <see cref="StartupException"/> when the file can't be read or written, is not private, or when a stored
    /// value is encrypted with a key that is missing.
    /// </summary>
    public async Task LoadAsync(IServiceProvider services)
    {
        var ring = services.GetRequiredService<SecretKeyRing>();
        var used = await services.GetRequiredService<SecretStore>().KeysAsync();
        var file = Path.Combine(folder.Path, FileName);
        var setting = SettingKey.Of(options.SecretKeys);
        if (options.SecretKeys.Count > 0)
        {
            ring.Load([.. options.SecretKeys.Select(k => SecretKey.TryParse(k)!)], setting);
        }
        else if (options.Clustering == ClusteringKind.AdoNet)
        {
            ring.Load([], setting);
        }
        else
        {
            ring.Load(ReadOrCreate(file, mayCreate: used.Count == 0), file);
        }

        if (used.Keys.Where(id => ring.Find(id) is null).Order(StringComparer.Ordinal).ToList() is { Count: > 0 } unknown)
        {
            var count = used.Where(k => unknown.Contains(k.Key)).Sum(k => k.Value);
            throw new StartupException(
                $"{count} stored {(count == 1 ? "secret is" : "secrets are")} encrypted with key {string.Join(", ", unknown)}, "
                    + $"which is not in {ring.Source}. "
                    + (
                        ring.Source == setting
                            ? $"Add the key to {setting}, as the last one if it only has to decrypt."
                            : $"Restore the file from a backup, or add the key to it as a line of its own, or set {setting}."
                    )
                    + " If the key is lost, the values are lost, too: see docs/secrets.md."
            );
        }
    }

    private static List<SecretKey> ReadOrCreate(string file, bool mayCreate)
    {
        try
        {
            if (File.Exists(file))
            {
                return Read(file);
            }

            if (!mayCreate)
            {
                // The check of the keys in use explains what is missing: a new key would only hide it.
                return [];
            }

            Create(file, SecretKey.New());
            return Read(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"The file with the key of secrets, {file}, can't be used: {e.Message}", e);
        }
    }

    private static List<SecretKey> Read(string file)
    {
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & ~PrivateFile.OwnerOnly) is not UnixFileMode.None and var extra)
        {
            throw new StartupException(
                $"{file}, which contains the key of secrets, is accessible to others ({extra}). Run: chmod 600 '{file}'. "
                    + "If others may have read it, replace the key; see docs/secrets.md."
            );
        }

        var keys = new List<SecretKey>();
        foreach (var (line, index) in File.ReadAllLines(file).Select((l, i) => (l.Trim(), i)).Where(l => l.Item1.Length > 0))
        {
            keys.Add(
                SecretKey.TryParse(line)
                    ?? throw new StartupException(
                        $"{file}, line {index + 1}, must be the base64 of 32 random bytes ('openssl rand -base64 32'). "
                            + "Restore the file from a backup."
                    )
            );
        }

        return keys.Count > 0
            ? keys
            : throw new StartupException(
                $"{file} is empty; expected the base64 of 32 random bytes on each line. Restore it from a backup, or, if no secrets "
                    + "were stored, delete it."
            );
    }

    /// <summary>Complete or not at all, also after a loss of power: secrets may be encrypted with the key a moment later.</summary>
    private static void Create(string file, SecretKey key) =>
        // Two servers that share the folder both create a key: the first one's counts.
        PrivateFile.Write(
            file,
            overwrite: false,
            stream =>
            {
                stream.Write(System.Text.Encoding.ASCII.GetBytes(key.ToBase64() + "\n"));
                stream.Flush(flushToDisk: true);
            }
        );
}
