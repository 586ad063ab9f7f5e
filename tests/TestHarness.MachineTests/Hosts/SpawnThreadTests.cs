using System.Diagnostics;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>A parent-death signal follows the thread that forked, and threads come and go: QEMU must hang on one that stays.</summary>
[Fault("The thread that asked for a machine ends.", "The machine runs on, because another thread, which stays, has forked it.")]
public sealed class SpawnThreadTests
{
    // A thread's name in the kernel ends after 15 characters.
    private const string ThreadThatStays = "TestHarness spa";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_machine_outlives_the_thread_that_asked_for_it()
    {
        Task<VirtualMachine>? starting = null;
        string? threadFolder = null;
        var thread = new Thread(() =>
        {
            threadFolder = $"/proc/{new FileInfo("/proc/thread-self").LinkTarget}";
            starting = VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        });
        thread.Start();
        thread.Join();
        await using VirtualMachine vm = await starting!;
        var since = Stopwatch.StartNew();
        while (Directory.Exists(threadFolder) && since.Elapsed < TimeSpan.FromSeconds(10))
            await Task.Delay(10, Token);

        Directory.Exists(threadFolder).Should().BeFalse("the kernel has sent what it sends when a thread ends");
        (await vm.Shell.RunAsync("echo alive", cancellationToken: Token)).Should().HaveOutput("alive");
    }

    [Fact]
    public async Task Every_start_forks_from_the_one_thread_that_stays()
    {
        VirtualMachine[] machines = await Task.WhenAll(
            Enumerable.Range(0, 3).Select(_ => Task.Run(() => VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token)))
        );
        try
        {
            (int Id, string Name)[] forkers = [.. machines.Select(vm => ProcessTree.ForkerOf(vm.ProcessId!.Value)).Distinct()];

            forkers.Should().ContainSingle().Which.Name.Should().Be(ThreadThatStays);
        }
        finally
        {
            foreach (VirtualMachine vm in machines)
                await vm.DisposeAsync();
        }
    }
}
