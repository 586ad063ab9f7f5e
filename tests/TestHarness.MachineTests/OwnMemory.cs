using Xunit;

namespace TestHarness.MachineTests;

/// <summary>Tests that measure what this process holds: no other test runs beside them.</summary>
[CollectionDefinition(nameof(OwnMemory), DisableParallelization = true)]
public sealed class OwnMemory;
