using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>Disks that outlive their machine, and guests that stand still.</summary>
public sealed class KeptDisksTests : IDisposable
{
    // Where whoever QEMU runs as can pass through.
    private readonly string _root = Directory
        .CreateDirectory(
            $"/var/tmp/testharness-kept-{Guid.NewGuid():N}",
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherExecute
        )
        .FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private MachineSpec Spec => new() { DiskFolder = Path.Combine(_root, "disks"), Disks = [new Disk(16)] };

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Have_what_was_written_at_the_next_start()
    {
        await using (VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token))
        {
            vm.StartNote.Should().Be("boots, because its disks are kept (MachineSpec.DiskFolder)");
            await vm.Shell.RunAsync("echo kept > /root/kept; printf raw > /dev/vdb; sync", cancellationToken: Token);
            await vm.StopAsync(Token);
        }

        await using VirtualMachine again = await VirtualMachine.StartAsync(Spec with { MemoryMiB = 256 }, cancellationToken: Token);
        (await again.Shell.RunAsync("cat /root/kept; head -c 3 /dev/vdb", cancellationToken: Token)).Should().HaveOutput("kept\nraw");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Are_for_one_machine_at_a_time()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(Spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<HostNotReadyException>()
        ).WithMessage(
            $"The disks in '{Spec.DiskFolder}' are in use: process {Environment.ProcessId} has them.*Try: end that machine first*"
        );
        (await vm.Shell.RunAsync("echo unharmed", cancellationToken: Token)).Should().HaveOutput("unharmed");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Are_refused_on_another_image()
    {
        await using (await VirtualMachine.StartAsync(Spec, cancellationToken: Token)) { }

        string other = Path.Combine(_root, "other");
        await File.WriteAllTextAsync(Path.Combine(Spec.DiskFolder!, "image"), other, Token);
        (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(Spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<HostNotReadyException>()
        ).WithMessage($"The disks in '{Spec.DiskFolder}' were made on another image*Made on: {other}*");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Are_refused_where_more_are_asked_for()
    {
        await using (await VirtualMachine.StartAsync(Spec, cancellationToken: Token)) { }

        MachineSpec more = Spec with { Disks = [new Disk(16), new Disk(16)] };
        (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(more, cancellationToken: Token))
                .Should()
                .ThrowAsync<HostNotReadyException>()
        ).WithMessage(
            "*was made with fewer disks beside the image (1) than it is asked for with (2).*Missing: extra-1.qcow2*Try: *another folder*"
        );
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Are_made_again_where_their_maker_was_killed()
    {
        string making = Directory.CreateDirectory(Path.Combine(Spec.DiskFolder!, "making")).FullName;
        await File.WriteAllTextAsync(Path.Combine(making, "disk.qcow2"), "half", Token);

        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        (await vm.Shell.RunAsync("uname", cancellationToken: Token)).Should().HaveOutput("Linux");
        Directory.Exists(making).Should().BeFalse();
    }

    [Fact]
    public async Task A_paused_guest_does_nothing_and_goes_on_with_the_clock_of_now()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        await vm.Shell.RunAsync("(while :; do date +%s >> /ticks; sleep 1; done) > /dev/null 2>&1 &", cancellationToken: Token);

        await vm.PauseAsync(Token);
        vm.State.Should().Be(MachineState.Paused);
        DateTimeOffset paused = DateTimeOffset.UtcNow;
        await vm.Invoking(machine => machine.Shell.RunAsync("true", new ShellOptions { Timeout = TimeSpan.FromSeconds(3) }, Token))
            .Should()
            .ThrowAsync<WaitTimeoutException>();
        await vm.ResumeAsync(Token);

        vm.State.Should().Be(MachineState.Running);
        long now = long.Parse(
            (await vm.Shell.RunAsync("date +%s", cancellationToken: Token)).StandardOutput,
            System.Globalization.CultureInfo.InvariantCulture
        );
        now.Should().BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 2);
        string[] ticks = (await vm.Shell.RunAsync("cat /ticks", cancellationToken: Token)).StandardOutput.Split(
            '\n',
            StringSplitOptions.RemoveEmptyEntries
        );
        ticks.Should().NotContain($"{paused.ToUnixTimeSeconds() + 2}", "nothing ran then");
        await vm.Invoking(machine => machine.ResumeAsync(Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("*is not paused*");
    }
}
