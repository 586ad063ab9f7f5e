using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // A QEMU that ends closes its monitor some milliseconds before its process is gone.
    private static readonly TimeSpan EndFollowsMonitor = TimeSpan.FromMilliseconds(500);

    // A QEMU that takes no commands can neither be looked at nor tells how its guest fares: it is ended, and the exit says why.
    private async Task EndWithoutMonitorAsync(QemuInstance instance)
    {
        Task ended = instance.Process.Exited;
        if (await Task.WhenAny(ended, instance.Monitor.Closed).ConfigureAwait(false) == ended)
            return;
        await Task.WhenAny(ended, Task.Delay(EndFollowsMonitor)).ConfigureAwait(false);
        if (!ended.IsCompleted && _life.TryLoseMonitor(instance.Monitor.Broken?.Message))
            instance.Process.Kill();
    }
}
