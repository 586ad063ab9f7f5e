using Xunit;

namespace TestHarness.MachineTests.Images;

/// <summary>
/// Tests that boot a cloud image: one after the other, for two of them at once are slower than both in turn, and run into their limits.
/// </summary>
[CollectionDefinition(nameof(CloudBoots))]
public sealed class CloudBoots;
