using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

[Fault(
    "A machine is forked while commands run in it, while its guest writes to its disks, or while it is paused.",
    "The machine goes on as it was. Each heir has all that it had at that moment, clean file systems, and a name, clock, random state and "
        + "machine id of its own."
)]
public sealed class ForkTests
{
    private const string Identity = "hostname; cat /etc/machine-id; head -c 16 /dev/urandom | base64";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Heirs_go_on_from_this_moment_and_the_machine_itself_goes_on(bool forkable)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Forkable = forkable }, cancellationToken: Token);
        await vm.Shell.RunAsync(
            "echo before > /root/disk; echo before > /dev/shm/memory; sleep 9999 > /dev/null 2>&1 & echo $! > /run/pid",
            cancellationToken: Token
        );
        Task<ShellResult> running = vm.Shell.RunAsync("until test -e /run/go; do sleep 0.05; done; echo went on", cancellationToken: Token);

        VirtualMachine[] heirs = await vm.ForkAsync(2, Token);

        try
        {
            await vm.Shell.RunAsync("echo after > /root/disk; echo after > /dev/shm/memory", cancellationToken: Token);
            foreach (VirtualMachine heir in heirs)
            {
                heir.State.Should().Be(MachineState.Running);
                ShellResult seen = await heir.Shell.RunAsync(
                    "cat /root/disk /dev/shm/memory; kill -0 $(cat /run/pid); hostname",
                    cancellationToken: Token
                );
                seen.StandardOutput.Should().Be($"before\nbefore\n{heir.Name}\n");
                await heir.Shell.RunAsync("echo heir > /root/disk; touch /run/go", cancellationToken: Token);
            }

            running.IsCompleted.Should().BeFalse("what the heirs do is theirs");
            await vm.Shell.RunAsync("touch /run/go", cancellationToken: Token);
            (await running).StandardOutput.Should().Be("went on\n");
            (await vm.Shell.RunAsync("cat /root/disk", cancellationToken: Token)).StandardOutput.Should().Be("after\n");
            string[] identities = await Task.WhenAll(heirs.Append(vm).Select(one => IdentityAsync(one)));
            identities.SelectMany(identity => identity.Split('\n')).Should().OnlyHaveUniqueItems();
            DateTimeOffset now = DateTimeOffset.UtcNow;
            foreach (VirtualMachine one in heirs.Append(vm))
                (await ClockAsync(one)).Should().BeCloseTo(now, TimeSpan.FromSeconds(3));
        }
        finally
        {
            foreach (VirtualMachine heir in heirs)
                await heir.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_paused_machine_stays_paused_and_can_be_kept_and_put_back()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Forkable = true }, cancellationToken: Token);
        await vm.Shell.RunAsync("echo one > /root/state", cancellationToken: Token);
        await vm.PauseAsync(Token);

        VirtualMachine[] heirs = await vm.ForkAsync(1, Token);

        await using VirtualMachine heir = heirs[0];
        vm.State.Should().Be(MachineState.Paused);
        await vm.CheckpointAsync("paused", Token);
        vm.State.Should().Be(MachineState.Paused);
        await vm.ResumeAsync(Token);
        await vm.Shell.RunAsync("echo two > /root/state", cancellationToken: Token);
        await vm.PauseAsync(Token);
        await vm.ResumeAsync(Token);
        await vm.RollbackAsync("paused", Token);
        vm.State.Should().Be(MachineState.Running);
        (await vm.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("one\n");
        // An heir is a machine like any other, and has heirs.
        (await heir.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("one\n");
        VirtualMachine[] next = await heir.ForkAsync(1, Token);
        await using VirtualMachine grandchild = next[0];
        await heir.DisposeAsync();
        (await grandchild.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("one\n");
    }

    [Fact]
    public async Task A_machine_with_checkpoints_is_forked_without_them()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Forkable = true }, cancellationToken: Token);
        await vm.CheckpointAsync("before", Token);
        await vm.Shell.RunAsync("echo two > /root/state", cancellationToken: Token);

        await using VirtualMachine heir = (await vm.ForkAsync(1, Token))[0];

        (await heir.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("two\n");
        await heir.Awaiting(one => one.RollbackAsync("before", Token)).Should().ThrowAsync<ArgumentException>().WithMessage("*has none*");
        await vm.RollbackAsync("before", Token);
        (await vm.Shell.TryRunAsync("test -e /root/state", cancellationToken: Token)).ExitCode.Should().Be(1);
    }

    [Fact]
    public async Task Nothing_of_a_fork_is_left_once_its_heirs_are_gone()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Forkable = true }, cancellationToken: Token);
        VirtualMachine[] heirs = await vm.ForkAsync(2, Token);
        string commandLine = (await heirs[0].CollectEvidenceAsync(Token)).CommandLine;
        // The heir's memory is a copy of its own; the disk lies on the fork's.
        string fork = Path.GetDirectoryName(
            commandLine
                .Split("\"filename\":\"")
                .Select(part => part.Split('"')[0])
                .First(path => path.Contains("/templates/", StringComparison.Ordinal))
        )!;
        Directory.Exists(fork).Should().BeTrue();

        await heirs[0].DisposeAsync();
        Directory.Exists(fork).Should().BeTrue("the other one lies on it");
        await heirs[1].DisposeAsync();

        Directory.Exists(fork).Should().BeFalse();
    }

    [Fact]
    public async Task What_cannot_be_forked_says_why()
    {
        var vm = new VirtualMachine(new MachineSpec());

        await FluentActions
            .Awaiting(() => vm.ForkAsync(1, Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("*can't be forked: it is Created.");
        await FluentActions.Awaiting(() => vm.ForkAsync(0, Token)).Should().ThrowAsync<ArgumentOutOfRangeException>();
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Twenty_heirs_of_a_guest_that_writes_are_individuals_with_clean_file_systems()
    {
        MachineSpec spec = new()
        {
            Image = "debian-12",
            MemoryMiB = 256,
            Disks = [new Disk(64)],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        await vm.Shell.RunAsync("mkfs.ext4 -q /dev/vdb && mkdir /data && mount /dev/vdb /data", cancellationToken: Token);
        await vm.Shell.RunAsync(
            """
            (while :; do for i in 1 2 3 4 5 6 7 8; do seq $$ > /data/$i; done; sync; rm /data/*; done) > /dev/null 2>&1 &
            echo $! > /run/writer
            """,
            cancellationToken: Token
        );
        var seen = new List<string>();
        for (int round = 0; round < 4; round++)
        {
            VirtualMachine[] heirs = await vm.ForkAsync(5, Token);
            foreach (VirtualMachine heir in heirs)
            {
                seen.AddRange((await IdentityAsync(heir)).Split('\n'));
                await heir.Shell.RunAsync("kill $(cat /run/writer); umount -l /data; sync", cancellationToken: Token);
                await heir.Shell.WaitUntilSucceedsAsync("! grep -q vdb /proc/mounts && e2fsck -fn /dev/vdb", cancellationToken: Token);
                await heir.DisposeAsync();
            }
        }

        VirtualMachine[] last = await vm.ForkAsync(1, Token);
        await using VirtualMachine restarts = last[0];
        await restarts.Shell.RunAsync("echo kept > /root/kept", cancellationToken: Token);
        await restarts.RebootAsync(cancellationToken: Token);
        (await restarts.Shell.RunAsync("cat /root/kept", cancellationToken: Token)).StandardOutput.Should().Be("kept\n");
        seen.Should().HaveCount(60).And.OnlyHaveUniqueItems();
    }

    private static async Task<string> IdentityAsync(VirtualMachine vm) =>
        (await vm.Shell.RunAsync(Identity, cancellationToken: Token)).StandardOutput.TrimEnd();

    private static async Task<DateTimeOffset> ClockAsync(VirtualMachine vm) =>
        DateTimeOffset.FromUnixTimeSeconds(
            long.Parse(
                (await vm.Shell.RunAsync("date +%s", cancellationToken: Token)).StandardOutput,
                System.Globalization.CultureInfo.InvariantCulture
            )
        );
}
