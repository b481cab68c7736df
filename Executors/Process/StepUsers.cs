using System.Globalization;

namespace Shipinator.Executors.Process;

/// <summary>
/// The user ids that job attempts run as: each has one of its own, which no two share while both have a folder, whichever
/// server of this machine they belong to. A link per id in a folder of root's says which job folder has it, so it survives a
/// restart, and an id is free again once its folder is gone and none of its processes is left.
/// </summary>
internal sealed class StepUsers(ProcessExecutorOptions options, TimeProvider time)
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(20);
    private readonly string _folder = Path.Combine(options.MachineFolder, "users");

    /// <summary>What a command line begins with to run as a user without any right of root's, now or later.</summary>
    public static string[] Prefix(uint user) =>
        ["setpriv", $"--reuid={user}", $"--regid={user}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--"];

    /// <summary>Whether an id is one of a step's.</summary>
    public bool Contains(uint user) => user >= options.FirstUserId && user - options.FirstUserId < (uint)options.UserIds;

    /// <summary>Alone among all servers of this machine, until it is disposed. Errors: <see cref="IOException"/>.</summary>
    public async Task<IDisposable> LockAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_folder, WorkerFolder.OwnerOnly);
        var start = time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(_folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (time.GetElapsedTime(start) < LockPatience)
            {
                await Task.Delay(LockRetry, time, cancellationToken);
            }
        }
    }

    /// <summary>
    /// An id for a job folder that is about to be made. The lock must be held. Ids are given out in turn, so that one is
    /// used again as late as possible. Errors: <see cref="IOException"/> when all are taken.
    /// </summary>
    public uint Take(string jobFolder)
    {
        var next = Path.Combine(_folder, "next");
        var from =
            File.Exists(next) && uint.TryParse(File.ReadAllText(next), NumberStyles.None, CultureInfo.InvariantCulture, out var kept)
                ? kept
                : 0;
        var busy = ProcessTable.Users();
        for (uint i = 0; i < options.UserIds; i++)
        {
            var offset = (from + i) % (uint)options.UserIds;
            var user = options.FirstUserId + offset;
            var link = Name(user);
            var owner = new FileInfo(link).LinkTarget;
            if (busy.Contains(user) || (owner is not null && owner != jobFolder && Directory.Exists(owner)))
            {
                continue;
            }

            File.Delete(link);
            File.CreateSymbolicLink(link, jobFolder);
            File.WriteAllText(next, ((offset + 1) % (uint)options.UserIds).ToString(CultureInfo.InvariantCulture));
            return user;
        }

        throw new IOException(
            $"All {options.UserIds} user ids from {options.FirstUserId} on are in use by other jobs: raise Shipinator:Process:UserIds, or lower Shipinator:Process:MaxConcurrent."
        );
    }

    /// <summary>Kills every process of the user; false when some are left after the patience.</summary>
    public async Task<bool> EndAllAsync(uint user, TimeSpan patience, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        while (ProcessTable.OfUser(user).Count > 0)
        {
            if (time.GetElapsedTime(start) > patience)
            {
                return false;
            }

            // As that user: the kernel then signals all of them at once, however fast they multiply.
            await Command.RunAsync([.. Prefix(user), "sh", "-c", "kill -KILL -1"], cancellationToken);
            await Task.Delay(LockRetry, time, cancellationToken);
        }

        return true;
    }

    /// <summary>What is wrong with the range; null when nothing is.</summary>
    public string? Trouble()
    {
        var last = options.FirstUserId + (uint)options.UserIds - 1;
        foreach (var fields in Lines("/etc/passwd"))
        {
            if (
                fields.Length > 2
                && uint.TryParse(fields[2], out var user)
                && Contains(user)
                && !fields[0].StartsWith("shipinator", StringComparison.Ordinal)
            )
            {
                return $"Shipinator:Process:FirstUserId and UserIds name the user ids {options.FirstUserId} to {last}, and {user} is the user '{fields[0]}' of this machine: choose a range that nobody has (accounts whose name begins with 'shipinator' may be in it).";
            }
        }

        foreach (var fields in Lines("/etc/subuid"))
        {
            if (
                fields.Length > 2
                && uint.TryParse(fields[1], out var first)
                && uint.TryParse(fields[2], out var count)
                && first <= last
                && first + (ulong)count > options.FirstUserId
            )
            {
                return $"Shipinator:Process:FirstUserId and UserIds name the user ids {options.FirstUserId} to {last}, and /etc/subuid gives '{fields[0]}' the ids {first} to {first + (ulong)count - 1}: choose a range that nobody has.";
            }
        }

        return null;
    }

    /// <summary>Forgets who had the id.</summary>
    public void Free(uint user, string jobFolder)
    {
        if (Contains(user) && new FileInfo(Name(user)).LinkTarget == jobFolder)
        {
            File.Delete(Name(user));
        }
    }

    private string Name(uint user) => Path.Combine(_folder, user.ToString(CultureInfo.InvariantCulture));

    private static IEnumerable<string[]> Lines(string file) => File.Exists(file) ? File.ReadAllLines(file).Select(l => l.Split(':')) : [];
}
