namespace TestHarness;

/// <summary>How far a transfer is.</summary>
/// <param name="Bytes">How many bytes of files are done.</param>
/// <param name="Percent">How much that is of what is known so far, 0 to 100; it may go back while folders are still being read.</param>
public sealed record SyncProgress(long Bytes, int Percent);
