using System.Collections.Concurrent;

namespace TestHarness.Hosts;

/// <summary>
/// The one thread that starts child processes. PR_SET_PDEATHSIG follows the thread that forked, not the process
/// (prctl(2)), so children forked from a thread-pool thread would be killed when the pool retires it.
/// </summary>
internal static class SpawnThread
{
    private static readonly BlockingCollection<Action> Work = [];

    static SpawnThread() => new Thread(Loop) { IsBackground = true, Name = "TestHarness spawn" }.Start();

    public static Task<T> RunAsync<T>(Func<T> start)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Add(() =>
        {
            try
            {
                done.SetResult(start());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    private static void Loop()
    {
        foreach (Action action in Work.GetConsumingEnumerable())
            action();
    }
}
