using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Shipinator.Forges;

namespace Shipinator.WebFrontend.Tests.Servers;

/// <summary>The server's own forges, with a list of the calls that they got.</summary>
internal sealed class CountingForges(IForgeRegistry inner) : IForgeRegistry
{
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _calls = new();

    /// <summary>The names of the calls since the last look, in order.</summary>
    public IReadOnlyList<string> TakeCalls()
    {
        var calls = new List<string>();
        while (_calls.TryDequeue(out var call))
        {
            calls.Add(call);
        }

        return calls;
    }

    public static void Use(IServiceCollection services) =>
        services.Replace(ServiceDescriptor.Singleton<IForgeRegistry>(p => new CountingForges(new ForgeRegistry(p.GetServices<IForge>()))));

    public IForge Get(string provider) => new Counted(inner.Get(provider), _calls.Enqueue);

    private sealed class Counted(IForge forge, Action<string> count) : IForge
    {
        public string Provider => forge.Provider;

        public Task<ResolvedRef> Resolve(ForgeRepository repository, string gitRef, CancellationToken cancellationToken) =>
            Count(nameof(Resolve), forge.Resolve(repository, gitRef, cancellationToken));

        public Task<string> ReadFile(ForgeRepository repository, string commit, string path, CancellationToken cancellationToken) =>
            Count(nameof(ReadFile), forge.ReadFile(repository, commit, path, cancellationToken));

        public Task<IReadOnlyList<string>?> ChangedFiles(
            ForgeRepository repository,
            string baseCommit,
            string headCommit,
            CancellationToken cancellationToken
        ) => Count(nameof(ChangedFiles), forge.ChangedFiles(repository, baseCommit, headCommit, cancellationToken));

        public Task<IReadOnlyList<string>> ListRefs(ForgeRepository repository, CancellationToken cancellationToken) =>
            Count(nameof(ListRefs), forge.ListRefs(repository, cancellationToken));

        public Task<ResolvedRef> ResolveCommit(ForgeRepository repository, string commit, CancellationToken cancellationToken) =>
            Count(nameof(ResolveCommit), forge.ResolveCommit(repository, commit, cancellationToken));

        public Task<CommitFile> ReadAt(
            ForgeRepository repository,
            string gitRef,
            string? commit,
            string path,
            CancellationToken cancellationToken
        ) => Count(nameof(ReadAt), forge.ReadAt(repository, gitRef, commit, path, cancellationToken));

        public Task<bool> HasRef(ForgeRepository repository, string fullRef, CancellationToken cancellationToken) =>
            Count(nameof(HasRef), forge.HasRef(repository, fullRef, cancellationToken));

        public Task<string?> DefaultBranch(ForgeRepository repository, CancellationToken cancellationToken) =>
            Count(nameof(DefaultBranch), forge.DefaultBranch(repository, cancellationToken));

        private Task<T> Count<T>(string call, Task<T> result)
        {
            count(call);
            return result;
        }
    }
}
