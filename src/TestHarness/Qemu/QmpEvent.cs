using System.Text.Json;

namespace TestHarness.Qemu;

/// <summary>An event of QEMU's monitor, such as SHUTDOWN or RESET.</summary>
internal sealed record QmpEvent(string Name, JsonElement Data);
