// The tests' fake cluster as a program: an API server for kubectl, controllers, a scheduler and a kubelet whose pods really run, each
// container in a root folder of its own. For rehearsals of the battery (../rehearsal.sh); needs root and busybox-static.
//   FOLDER   its data, and a kubeconfig once it is ready
using System.Runtime.InteropServices;
using Shipinator.Executors.Tests.Kubernetes;

if (args is not [var folder])
{
    await Console.Error.WriteLineAsync("usage: FakeCluster FOLDER");
    return 2;
}

if (IsolatedContainers.WhyNot() is { } why)
{
    await Console.Error.WriteLineAsync($"fake cluster: containers can't be run on this machine: {why}.");
    return 2;
}

var stop = new TaskCompletionSource();
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
Directory.CreateDirectory(folder);
LiveKubelet? kubelet = null;
FakeCluster? cluster = null;
var containers = new IsolatedContainers(
    Path.Combine(folder, "images"),
    (ns, secret) => IsolatedContainers.Opens(cluster?.Store.Find(new("secrets", ns, secret)))
);
await using (
    cluster = await FakeCluster.StartAsync(new WallTime(), LiveKubelet.Beginning(containers, folder, k => kubelet = k), secure: true)
)
await using (kubelet!)
{
    var kubeconfig = Path.Combine(folder, "kubeconfig");
    File.Copy(cluster.Kubeconfig, kubeconfig + ".new", overwrite: true);
    File.Move(kubeconfig + ".new", kubeconfig, overwrite: true);
    Console.WriteLine($"The cluster is ready at {cluster.Url}; its kubeconfig is {kubeconfig}");
    await stop.Task;
}

return 0;

void Stop(PosixSignalContext context)
{
    context.Cancel = true;
    stop.TrySetResult();
}
