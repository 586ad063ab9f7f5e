namespace TestHarness.Qemu;

/// <summary>QEMU ended before its connections stood.</summary>
internal sealed class QemuEndedException(int exitCode) : Exception($"QEMU ended with exit code {exitCode}")
{
    public int ExitCode => exitCode;
}
