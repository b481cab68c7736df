// Pods and process groups: Kubernetes nodes and the machines of standalone mode run Linux.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
