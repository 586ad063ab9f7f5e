namespace TestHarness.MachineTests;

/// <summary>A shell script for <see cref="MachineSpec.QemuPath"/>, where the user that QEMU runs as can reach it.</summary>
internal sealed class QemuScript : IDisposable
{
    public QemuScript(string script)
    {
        File.WriteAllText(Path, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(Path, File.GetUnixFileMode("/bin/sh"));
    }

    public string Path { get; } = $"/var/tmp/testharness-qemu-{Guid.NewGuid():N}";

    public void Dispose() => File.Delete(Path);
}
