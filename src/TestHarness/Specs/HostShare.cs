using TestHarness.Specs;

namespace TestHarness;

/// <summary>A folder of the host that the guest reads, by 9p. What changes in it shows in the guest; the guest can't write to it.</summary>
/// <param name="HostPath">The folder on the host, absolute. All of it is the guest's to read, but no symbolic link leads out of it: the
/// guest follows links in its own files.</param>
/// <param name="GuestPath">Where it is mounted in the guest, absolute; folders are made.</param>
public sealed record HostShare([property: HostPath] string HostPath, string GuestPath);
