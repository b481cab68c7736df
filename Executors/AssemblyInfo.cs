// The process executor reads /proc; standalone mode is for Linux machines.
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
