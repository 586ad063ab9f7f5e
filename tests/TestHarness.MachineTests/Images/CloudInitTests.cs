using FluentAssertions;
using TestHarness.Access;
using Xunit;

namespace TestHarness.MachineTests.Images;

/// <summary>
/// An image without agent, key or password, reached by what cloud-init installs. One boot for all: the others are restored.
/// </summary>
[Collection(nameof(CloudBoots))]
public sealed class CloudInitTests
{
    private static readonly MachineSpec Spec = new()
    {
        Image = "debian-12-cloud",
        CloudInit = new CloudInit
        {
            Users =
            [
                new CloudUser("ada")
                {
                    Groups = ["adm", "makers"],
                    Sudo = "ALL=(ALL) NOPASSWD:ALL",
                    AuthorizedKeys = ["ssh-ed25519 AAAAada ada"],
                },
            ],
            AuthorizedKeys = ["ssh-ed25519 AAAAall all"],
            Files = [new CloudFile("/srv/made/here", "first: 'yes'\n\tthird\\ é\n") { Permissions = "0640", Owner = "ada:makers" }],
            Commands = ["test -s /srv/made/here", "echo once >> /root/commands"],
        },
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Reaches_an_image_that_has_neither_agent_nor_key()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        (await vm.Shell.RunAsync("id -nG ada; sudo -u ada sudo -n id -u", cancellationToken: Token))
            .StandardOutput.Should()
            .Be("ada adm makers\n0\n");
        (await vm.Shell.RunAsync("stat -c '%a %U:%G' /srv/made/here; cat /srv/made/here", cancellationToken: Token))
            .StandardOutput.Should()
            .Be("640 ada:makers\nfirst: 'yes'\n\tthird\\ é\n");
        (
            await vm.Shell.RunAsync(
                "cut -d' ' -f1,2 /home/ada/.ssh/authorized_keys /home/debian/.ssh/authorized_keys /root/.ssh/authorized_keys",
                cancellationToken: Token
            )
        )
            .StandardOutput.Should()
            .Be("ssh-ed25519 AAAAada\nssh-ed25519 AAAAall\nssh-ed25519 AAAAall\n");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Does_the_work_once_and_keeps_the_disk_in_machines_that_are_restored_and_reboot()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        vm.IsWarm.Should().BeTrue();
        const string Seed =
            "blkid -o value -s LABEL /dev/vdb; mount -r /dev/vdb /mnt && grep instance-id /mnt/meta-data; umount /mnt; cat /root/commands";

        string restored = (await vm.Shell.RunAsync(Seed, cancellationToken: Token)).StandardOutput;
        await vm.RebootAsync(cancellationToken: Token);
        string rebooted = (await vm.Shell.RunAsync(Seed, cancellationToken: Token)).StandardOutput;

        restored.Should().MatchRegex("\\ACIDATA\ninstance-id: \"testharness-[0-9a-f]{16}\"\nonce\n\\z");
        rebooted.Should().Be(restored);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Does_not_write_to_the_disk()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        (await vm.Shell.TryRunAsync("dd if=/dev/zero of=/dev/vdb count=1", cancellationToken: Token)).ExitCode.Should().Be(1);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Tells_what_cloud_init_says_of_its_errors()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        string command = ReadyCheck.For(new MachineSpec(), null, seeded: true).Single().Command;
        (await vm.Shell.TryRunAsync(command, cancellationToken: Token)).ExitCode.Should().Be(0);

        await vm.Shell.RunAsync(
            """
            sed -i 's/"errors": \[\]/"errors": ["the packages were eaten"]/' /run/cloud-init/status.json /run/cloud-init/result.json
            """,
            cancellationToken: Token
        );
        ShellResult result = await vm.Shell.TryRunAsync(command, cancellationToken: Token);

        result.ExitCode.Should().Be(1);
        result.StandardOutput.Should().Contain("the packages were eaten").And.Contain("status: error");
    }

    [Fact]
    public async Task Fails_where_nothing_in_the_image_reads_user_data()
    {
        var spec = new MachineSpec
        {
            Image = "tiny",
            Start = StartMode.Cold,
            CloudInit = new CloudInit { Commands = ["true"] },
        };
        await using var vm = new VirtualMachine(spec);

        MachineStartException failure = (
            await vm.Awaiting(machine => machine.StartAsync(cancellationToken: Token)).Should().ThrowAsync<MachineStartException>()
        ).Which;
        failure.Fault.Should().Be(MachineFault.GuestNotReady);
        failure
            .Message.Should()
            .Contain("did not start: cloud-init reports errors (exit code 1).")
            .And.Contain("the image has no cloud-init, which MachineSpec.CloudInit is for")
            .And.Contain("\nTry: ");
    }
}
