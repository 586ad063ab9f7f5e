using System.Diagnostics.CodeAnalysis;

namespace TestHarness.Text;

/// <summary>
/// Threads for what may block, such as what a user gave to be called: not the thread pool's, which others wait for. A thread that is done
/// stays for a while, for whoever comes next: to start one costs a slow host a millisecond.
/// </summary>
internal static class BlockingThreads
{
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);
    private static readonly Lock Gate = new();
    private static readonly List<Worker> Idle = [];

    /// <summary>Runs work, which does not throw, on a thread that does nothing else meanwhile.</summary>
    public static void Run(Action work)
    {
        Worker? worker;
        lock (Gate)
        {
            // The one that was used last: its memory is the nearest, and the others come to their end.
            worker = Idle.LastOrDefault();
            if (worker is not null)
                Idle.RemoveAt(Idle.Count - 1);
        }

        (worker ?? new Worker()).Begin(work);
    }

    /// <summary>Runs work there with the context of who asks for it, and gives what it returns or throws.</summary>
    public static Task<T> RunAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        ExecutionContext? context = ExecutionContext.Capture();
        Run(() =>
        {
            if (context is null)
                Work();
            else
                ExecutionContext.Run(context, _ => Work(), null);
        });
        return done.Task;

        void Work()
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        }
    }

    [SuppressMessage(
        "Design",
        "CA1001:Types that own disposable fields should be disposable",
        Justification = "It holds nothing of the system's."
    )]
    private sealed class Worker
    {
        private readonly SemaphoreSlim _given = new(0);
        private volatile Action? _work;

        public Worker() => new Thread(Loop) { IsBackground = true, Name = "TestHarness blocking" }.UnsafeStart();

        public void Begin(Action work)
        {
            _work = work;
            _given.Release();
        }

        private void Loop()
        {
            while (TryWait())
            {
                _work!();
                _work = null;
                lock (Gate)
                    Idle.Add(this);
            }
        }

        private bool TryWait()
        {
            if (_given.Wait(Linger))
                return true;
            lock (Gate)
            {
                if (Idle.Remove(this))
                    return false;
            }

            // Somebody has taken this thread just now: the work is on its way.
            _given.Wait();
            return true;
        }
    }
}
