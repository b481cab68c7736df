using Shipinator.Grains.Tests.Engine;

[assembly: AssemblyFixture(typeof(EngineCluster))]
