using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>
/// Tests with clusters come one after the other: each class holds one while its tests ask for more, and a small host has no room for that
/// several times.
/// </summary>
[CollectionDefinition("Clusters")]
public sealed class ClustersCollection;
