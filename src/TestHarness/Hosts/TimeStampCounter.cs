using System.Diagnostics;
using System.Runtime.InteropServices;

namespace TestHarness.Hosts;

/// <summary>
/// Measures the host's time stamp counter, which is the guest's under TCG. A microvm has no other clock that Linux could measure it by but a PIT that is
/// read through the emulator: on a busy host that fails, and the guest then waits for ever for a timer that it could not set up.
/// </summary>
internal static unsafe partial class TimeStampCounter
{
    private const int ReadWriteExecute = 7;
    private const int PrivateAnonymous = 0x22;
    private const int PageBytes = 4096;

    private static readonly Lazy<long?> Measured = new(Measure);

    /// <summary>How many ticks a millisecond has; <see langword="null"/> where the host has no such counter.</summary>
    public static long? Kilohertz => Measured.Value;

    /// <summary>The kernel argument that tells the guest (kernel-parameters: <c>tsc_early_khz</c>); nothing where the host has no such counter.</summary>
    public static string KernelArgument => Measured.Value is { } kilohertz ? $"tsc_early_khz={kilohertz}" : "";

    private static long? Measure()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return null;
        // rdtsc; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> code = [0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3];
        void* page = Map(null, PageBytes, ReadWriteExecute, PrivateAnonymous, -1, 0);
        if ((nint)page == -1)
            return null;
        code.CopyTo(new Span<byte>(page, code.Length));
        var read = (delegate* unmanaged<ulong>)page;
        ulong ticks = read();
        long began = Stopwatch.GetTimestamp();
        // 20 ms give five digits; the counter and the clock are read side by side at both ends.
        Thread.Sleep(20);
        ticks = read() - ticks;
        double milliseconds = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        _ = Unmap(page, PageBytes);
        return (long)(ticks / milliseconds);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
