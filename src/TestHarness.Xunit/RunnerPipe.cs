using System.Runtime.InteropServices;
using TestHarness.Text;

namespace TestHarness.Xunit;

/// <summary>
/// Keeps the test program from ending before the runner has read what it said. Under <c>dotnet test</c> xunit's runner (v3 3.2) takes the
/// program's end for a crash where it has not read the last results by then and nothing came for a minute, as after a long test on a busy
/// host: "Catastrophic failure: Test process crashed with exit code 0", and the last tests are missing.
/// </summary>
internal static partial class RunnerPipe
{
    private const int StandardOutput = 1;

    // ioctl_fionread(2): on either end of a pipe, the bytes that are in it.
    private const nuint GetUnreadBytes = 0x541B;

    // poll(2): what a pipe's write end tells once nobody is left to read.
    private const short NoReader = 0x8;

    // A reader that does not read at all, such as a pager, must not keep the program for ever.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(10);

    private static int _started;

    /// <summary>
    /// Has the end of this process wait. Only while tests run is there somebody who reads at once: the answers to a runner's questions are
    /// read after the end.
    /// </summary>
    public static void EnsureStarted()
    {
        if (
            Interlocked.Exchange(ref _started, 1) == 0
            && new FileInfo($"/proc/self/fd/{StandardOutput}").LinkTarget?.StartsWith("pipe:", StringComparison.Ordinal) == true
        )
            AppDomain.CurrentDomain.ProcessExit += (_, _) => WaitUntilRead();
    }

    private static void WaitUntilRead()
    {
        long began = Clock.System.GetTimestamp();
        while (
            Control(StandardOutput, GetUnreadBytes, out int unread) == 0
            && unread > 0
            && HasReader()
            && Clock.System.GetElapsedTime(began) < Limit
        )
            Clock.Sleep(LookAgain);
    }

    private static bool HasReader()
    {
        var output = new Polled { Descriptor = StandardOutput };
        return Poll(ref output, count: 1, timeout: 0) >= 0 && (output.Happened & NoReader) == 0;
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int descriptor, nuint request, out int value);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref Polled polled, nuint count, int timeout);

    // struct pollfd
    [StructLayout(LayoutKind.Sequential)]
    private struct Polled
    {
        public int Descriptor;
        public short Wanted;
        public short Happened;
    }
}
