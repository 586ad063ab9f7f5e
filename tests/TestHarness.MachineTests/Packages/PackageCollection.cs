using Xunit;

namespace TestHarness.MachineTests.Packages;

/// <summary>Tests with packages, which are made once. Alone, because a build takes all processors from the tests beside it.</summary>
[CollectionDefinition(nameof(PackageCollection), DisableParallelization = true)]
public sealed class PackageCollection : ICollectionFixture<PackageFeed>;
