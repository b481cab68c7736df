using System.Globalization;

namespace Shipinator.Executors.Process;

/// <summary>
/// The user ids that job attempts run as. No two job attempts that have a folder share one, whichever server of this machine they belong
/// to. A link per id in a folder of root's names the job folder that has it, which survives restarts; an id is free again once its folder
/// and all its processes are gone.
/// </summary>
internal sealed class StepUsers(ProcessExecutorOptions options, TimeProvider time)
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(20);
    private readonly string _folder = Path.Combine(options.MachineFolder, "users");

    /// <summary>The beginning of a command line that runs as a user without any privilege, now or later.</summary>
    public static string[] Prefix(uint user) =>
        ["setpriv", $"--reuid={user}", $"--regid={user}", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--"];

    /// <summary>Whether an id is in the range.</summary>
    public bool Contains(uint user) => user >= options.FirstUserId && user - options.FirstUserId < (uint)options.UserIds;

    /// <summary>
    /// Takes the lock that all servers of this machine share, until it is disposed. Errors: <see cref="IOException"/> after 20 s.
    /// </summary>
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
            catch (IOException) when (time.GetElapsedTime(start) < LockTimeout)
            {
                await Task.Delay(LockRetry, time, cancellationToken);
            }
        }
    }

    /// <summary>
    /// Allocates an id for a job folder that is about to be created. The lock must be held. Ids are allocated in turn, so that one is
    /// reused as late as possible. Errors: <see cref="IOException"/> when all are taken.
    /// </summary>
    public uint Allocate(string jobFolder)
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
            $"All {options.UserIds} user ids from {options.FirstUserId} on are in use by other jobs: raise "
                + "Shipinator:Process:UserIds or lower "
                + "Shipinator:Process:MaxConcurrent."
        );
    }

    /// <summary>Kills every process of the user; false when some are left after the timeout.</summary>
    public async Task<bool> KillAllAsync(uint user, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        while (ProcessTable.FindByUser(user).Count > 0)
        {
            if (time.GetElapsedTime(start) > timeout)
            {
                return false;
            }

            // As that user: the kernel then signals all of them at once, however fast they fork.
            await SystemCommand.RunAsync([.. Prefix(user), "sh", "-c", "kill -KILL -1"], cancellationToken);
            await Task.Delay(LockRetry, time, cancellationToken);
        }

        return true;
    }

    /// <summary>Who else has ids of the range, and the fix; null when no one has.</summary>
    public string? RangeConflict()
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
                return $"{ProcessSettingKeys.FirstUserId} and UserIds name the user ids {options.FirstUserId} to {last}, but "
                    + $"{user} is the user "
                    + $"'{fields[0]}' of this machine: choose an unused range (accounts whose name begins with 'shipinator' may be in it).";
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
                return $"{ProcessSettingKeys.FirstUserId} and UserIds name the user ids {options.FirstUserId} to {last}, but "
                    + "/etc/subuid assigns "
                    + $"the ids {first} to {first + (ulong)count - 1} to '{fields[0]}': choose an unused range.";
            }
        }

        return null;
    }

    public void Release(uint user, string jobFolder)
    {
        if (Contains(user) && new FileInfo(Name(user)).LinkTarget == jobFolder)
        {
            File.Delete(Name(user));
        }
    }

    private string Name(uint user) => Path.Combine(_folder, user.ToString(CultureInfo.InvariantCulture));

    private static IEnumerable<string[]> Lines(string file) => File.Exists(file) ? File.ReadAllLines(file).Select(l => l.Split(':')) : [];
}
