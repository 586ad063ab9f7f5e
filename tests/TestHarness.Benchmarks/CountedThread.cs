using System.Runtime.InteropServices;

namespace TestHarness.Benchmarks;

/// <summary>A thread that says how much processor time it has used (clock_gettime(2), CLOCK_THREAD_CPUTIME_ID).</summary>
internal sealed partial class CountedThread
{
    private const int ThreadTime = 3;

    private readonly Thread _thread;

    public CountedThread(Action action) =>
        _thread = new Thread(() =>
        {
            action();
            _ = GetTime(ThreadTime, out TimeSpec time);
            Used = TimeSpan.FromSeconds(time.Seconds + (time.Nanoseconds / 1e9));
        });

    /// <summary>Gets the time, once it has ended.</summary>
    public TimeSpan Used { get; private set; }

    public void Start() => _thread.Start();

    public void Join() => _thread.Join();

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
