using Shipinator.Testing;

[assembly: AssemblyFixture(typeof(PostgresFixture))]
