namespace TestHarness.Qemu;

/// <summary>QEMU ended before its connections stood.</summary>
internal sealed class QemuEndedException(int exitCode) : Exception($"QEMU ended with exit code {exitCode}")
{
    // SIGILL, SIGABRT, SIGBUS, SIGFPE and SIGSEGV (signal(7)).
    private static readonly int[] CrashSignals = [4, 6, 7, 8, 11];

    public int ExitCode => exitCode;

    public bool IsBySignal => exitCode > 128;

    /// <summary>Gets whether QEMU itself has crashed, which no guest may bring about.</summary>
    public bool IsCrash => CrashSignals.Contains(exitCode - 128);
}
