namespace TestHarness;

/// <summary>An empty disk that is thrown away with the machine.</summary>
/// <param name="SizeMiB">The size in MiB (2^20 bytes), at least 1. The host stores only what the guest writes.</param>
public sealed record Disk(int SizeMiB);
