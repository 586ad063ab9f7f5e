namespace TestHarness;

/// <summary>A path that a file sync changed at its target.</summary>
/// <param name="Kind">What happened to it.</param>
/// <param name="Path">The path, relative to what was copied; a folder's ends with a slash. What is not valid UTF-8 in a name becomes
/// U+FFFD.</param>
public sealed record SyncChange(SyncChangeKind Kind, string Path);
