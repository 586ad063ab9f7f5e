using System.Runtime.InteropServices;
using TestHarness.Tests;

namespace TestHarness.MachineTests;

/// <summary>A program for <see cref="MachineSpec.QemuPath"/> that plays QEMU, where the user that QEMU runs as can reach it.</summary>
internal static class FakeQemu
{
    private static readonly Lazy<string> Path = new(Install);

    /// <summary>A machine whose QEMU behaves as named (see TestHarness.FakeQemu's Program.cs).</summary>
    public static MachineSpec Spec(string behaviour) =>
        new()
        {
            QemuPath = Path.Value,
            ExtraQemuArguments = [$"--fake={behaviour}"],
            StartTimeout = TimeSpan.FromSeconds(5),
        };

    /// <summary>A real machine whose monitor breaks in the named way at the named command.</summary>
    public static MachineSpec Relay(string command, string way) =>
        new()
        {
            QemuPath = Path.Value,
            ExtraQemuArguments = [$"--fake=relay:{command}:{way}"],
            Start = StartMode.Cold,
            MemoryMiB = 128,
        };

    private static string Install()
    {
        string folder = $"/var/tmp/testharness-fake-qemu-{Environment.ProcessId}";
        Directory.CreateDirectory(folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory, "TestHarness.FakeQemu.*"))
            File.Copy(file, System.IO.Path.Combine(folder, System.IO.Path.GetFileName(file)), overwrite: true);

        // The runtime that runs this test: <dotnet>/shared/Microsoft.NETCore.App/<version>/.
        string dotnet = System.IO.Path.GetFullPath(System.IO.Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));
        string script = System.IO.Path.Combine(folder, "fake-qemu");
        const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        const UnixFileMode Executable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        foreach (string file in Directory.GetFiles(folder))
            File.SetUnixFileMode(file, Readable);
        ExecutableScript.Write(script, $"exec '{dotnet}' '{folder}/TestHarness.FakeQemu.dll' \"$@\"");
        File.SetUnixFileMode(folder, Executable | UnixFileMode.UserWrite);
        return script;
    }
}
