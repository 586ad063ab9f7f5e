using TestHarness.Hosts;

namespace TestHarness.Tests.Qemu;

/// <summary>A shell script that plays QEMU, in a folder that the user that QEMU runs as can reach. <c>$*</c> are QEMU's arguments.</summary>
internal sealed class ScriptedQemu : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("scripted-qemu").FullName;

    private ScriptedQemu()
    {
    }

    public string Program => Path.Combine(_folder, "qemu");

    /// <summary>Gets a folder of the test's own for what was proved.</summary>
    public string Proofs => _folder;

    public static async Task<ScriptedQemu> CreateAsync(string script, CancellationToken cancellationToken)
    {
        var qemu = new ScriptedQemu();
        File.SetUnixFileMode(qemu._folder, (UnixFileMode)0x1ed);
        string text = Path.Combine(qemu._folder, "text");
        await File.WriteAllTextAsync(text, $"#!/bin/sh\n{script}\n", cancellationToken);
        // Written by another process: a program that this one has had open for writing may still be so in a child that is just being forked, and can't be run then.
        await HelperProgram.RunAsync("install", ["-m", "755", text, qemu.Program], null, cancellationToken);
        return qemu;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
