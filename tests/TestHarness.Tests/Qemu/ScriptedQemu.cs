namespace TestHarness.Tests.Qemu;

/// <summary>
/// A shell script that plays QEMU, in a folder that the user that QEMU runs as can reach. <c>$*</c> are QEMU's arguments.
/// </summary>
internal sealed class ScriptedQemu : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("scripted-qemu").FullName;

    public ScriptedQemu(string script)
    {
        File.SetUnixFileMode(_folder, (UnixFileMode)0x1ed);
        ExecutableScript.Write(Program, script);
    }

    public string Program => Path.Combine(_folder, "qemu");

    /// <summary>Gets a folder of the test's own for what was proved.</summary>
    public string Proofs => _folder;

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
