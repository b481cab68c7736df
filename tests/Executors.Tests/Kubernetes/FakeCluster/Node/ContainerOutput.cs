using System.Diagnostics;

namespace Shipinator.Executors.Tests.Kubernetes;

/// <summary>A container's output on both streams, line by line.</summary>
internal static class ContainerOutput
{
    public static void Follow(System.Diagnostics.Process process, Action<string> write)
    {
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        void Keep(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is not null)
            {
                write(line.Data + "\n");
            }
        }
    }
}
