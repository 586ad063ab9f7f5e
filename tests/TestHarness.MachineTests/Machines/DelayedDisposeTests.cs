using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>A machine that its test has disposed, and that runs on until the test's result is known.</summary>
public sealed class DelayedDisposeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Looks_ended_to_its_user_and_can_be_looked_at_for_the_evidence()
    {
        string folder = Directory.CreateTempSubdirectory("testharness-delayed-").FullName;
        VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { CollectOnFailure = ["/etc/passwd"] },
            cancellationToken: Token
        );
        IAsyncDisposable delay = vm.DelayDispose();
        Task<ShellResult> running = vm.Shell.RunAsync("sleep 600", cancellationToken: Token);
        try
        {
            await vm.DisposeAsync();
            await vm.DisposeAsync();

            (vm.State, vm.Exit!.Reason).Should().Be((MachineState.Stopped, MachineExitReason.Killed));
            await FluentActions.Awaiting(() => running).Should().ThrowAsync<MachineExitedException>();
            await vm
                .Shell.Invoking(shell => shell.RunAsync("true", cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineExitedException>();
            await foreach (string line in vm.Console.ReadLinesAsync(LogStart.Now, Token))
                line.Should().NotBeNull("and the reading ends");
            Directory.Exists($"/proc/{vm.ProcessId}").Should().BeTrue("somebody may want to look at it");

            MachineEvidence evidence = await vm.SaveEvidenceAsync(folder, Token);
            evidence.Journal.Should().NotBeNullOrEmpty();
            evidence.Notes.Should().BeEmpty();
            File.Exists(Path.Combine(folder, "files/etc/passwd")).Should().BeTrue();
        }
        finally
        {
            await delay.DisposeAsync();
            // What this test has caught makes its own framework wait for the result, too.
            await vm.KillAsync();
            Directory.Delete(folder, recursive: true);
        }

        Directory.Exists($"/proc/{vm.ProcessId}").Should().BeFalse();
    }

    [Fact]
    public async Task Ends_at_once_where_nothing_was_thrown()
    {
        VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        await vm.DisposeAsync();

        Directory.Exists($"/proc/{vm.ProcessId}").Should().BeFalse();
    }

    [Fact]
    public async Task Ends_at_once_where_what_was_thrown_stayed_in_a_task_of_the_library()
    {
        VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        Task again = vm.StartAsync(cancellationToken: Token);
        await Task.WhenAny(again);
        again.Exception!.InnerException.Should().BeOfType<InvalidOperationException>();

        await vm.DisposeAsync();

        Directory.Exists($"/proc/{vm.ProcessId}").Should().BeFalse();
    }
}
