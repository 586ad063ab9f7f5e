using System.Runtime.InteropServices;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// Measures the host's time stamp counter, which is the guest's under TCG. Linux would measure it by the PIT, which is read through the
/// emulator: on a busy host it comes out wrong now and then. The guest's clock then runs up to thirty times too fast, and so do its time
/// limits; a microvm, which has no other clock to compare it with, waits for ever for a timer that it could not set up.
/// </summary>
internal static unsafe partial class TimeStampCounter
{
    private const int ReadWriteExecute = 7;
    private const int PrivateAnonymous = 0x22;
    private const int PageBytes = 4096;

    private static readonly Lazy<long?> Measured = new(Measure);

    /// <summary>How many ticks a millisecond has; <see langword="null"/> where the host has no such counter.</summary>
    public static long? Kilohertz => Measured.Value;

    /// <summary>
    /// The kernel argument that tells the guest (kernel-parameters: <c>tsc_early_khz</c>); nothing where the host has no such counter.
    /// </summary>
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
        (double Ticks, double Milliseconds) began = Sample(read);
        // 20 ms give five digits.
        Clock.Sleep(TimeSpan.FromMilliseconds(20));
        (double Ticks, double Milliseconds) ended = Sample(read);
        _ = Unmap(page, PageBytes);
        return (long)((ended.Ticks - began.Ticks) / (ended.Milliseconds - began.Milliseconds));
    }

    // The counter and the clock at the same moment: of several tries the one whose two readings of the counter are nearest, for this thread
    // may be put aside between any two of them.
    private static (double Ticks, double Milliseconds) Sample(delegate* unmanaged<ulong> read)
    {
        const int Tries = 16;
        ulong nearest = ulong.MaxValue;
        (double, double) sample = default;
        for (int i = 0; i < Tries; i++)
        {
            ulong before = read();
            long now = Clock.System.GetTimestamp();
            ulong between = read() - before;
            if (between >= nearest)
                continue;
            nearest = between;
            sample = (before + (between / 2.0), now * 1000.0 / Clock.System.TimestampFrequency);
        }

        return sample;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
