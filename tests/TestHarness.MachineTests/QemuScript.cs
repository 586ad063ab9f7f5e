using TestHarness.Tests;

namespace TestHarness.MachineTests;

/// <summary>A shell script for <see cref="MachineSpec.QemuPath"/>, where the user that QEMU runs as can reach it.</summary>
internal sealed class QemuScript : IDisposable
{
    public QemuScript(string script) => ExecutableScript.Write(Path, script);

    public string Path { get; } = $"/var/tmp/testharness-qemu-{Guid.NewGuid():N}";

    public void Dispose() => File.Delete(Path);
}
