using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

/// <summary>Machines that are restored from one template see nothing of each other, and are individuals.</summary>
public sealed class FreshnessTests
{
    private static readonly MachineSpec Spec = new() { Image = "tiny" };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_that_one_did_is_in_the_next()
    {
        await using (VirtualMachine one = await VirtualMachine.StartAsync(Spec, cancellationToken: Token))
        {
            await one.Shell.RunAsync(
                "touch /left /tmp/left; (sleep 4444 &) ; mount -t tmpfs none /mnt; date -s 2001-01-01; modprobe dummy; echo x >> "
                    + "/etc/passwd; sync",
                cancellationToken: Token
            );
        }

        await using VirtualMachine next = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        next.IsWarm.Should().BeTrue();
        ShellResult seen = await next.Shell.RunAsync(
            "ls /left /tmp/left 2>/dev/null; ps -ef | grep '[s]leep 4444'; grep ' /mnt ' /proc/mounts; lsmod | grep dummy; grep "
                + "'^x' /etc/passwd; date +%Y",
            cancellationToken: Token
        );
        seen.Should().HaveOutput($"{DateTime.UtcNow.Year}");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Each_has_its_own_random_numbers_clock_and_name_from_its_first_instruction()
    {
        var random = new HashSet<string>();
        var names = new HashSet<string>();
        for (int i = 0; i < 50; i++)
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
            // A builtin of the shell, so that nothing of the guest runs before it.
            ShellResult first = await vm.Shell.RunAsync(
                "exec 3< /dev/urandom; for i in 1 2 3 4; do read -r -n 8 x <&3; s=$s.$x; done; printf %s \"$s\" | od -An -v -tx1 "
                    + "| tr -d '\\n'; echo; date +%s; hostname",
                cancellationToken: Token
            );
            string[] lines = first.StandardOutput.Split('\n');
            random.Add(lines[0]);
            names.Add(lines[2]);
            long.Parse(lines[1], System.Globalization.CultureInfo.InvariantCulture)
                .Should()
                .BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 1);
        }

        random.Should().HaveCount(50);
        names.Should().HaveCount(50);
    }

    [Fact]
    public async Task The_serial_log_begins_with_the_templates()
    {
        await using VirtualMachine one = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        await using VirtualMachine two = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        await one.Console.WaitForAsync("login:", cancellationToken: Token);
        one.Console.Log.Text.Should().StartWith("[    0.000000] Linux version 6.");
        string shorter = one.Console.Log.Text.Length < two.Console.Log.Text.Length ? one.Console.Log.Text : two.Console.Log.Text;
        two.Console.Log.Text[..(shorter.Length / 2)].Should().Be(one.Console.Log.Text[..(shorter.Length / 2)]);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Boots_and_says_why_when_a_machine_can_not_be_saved()
    {
        // nvme blocks saving.
        MachineSpec spec = Spec with
        {
            ExtraQemuArguments =
            [
                "-blockdev",
                "{\"driver\":\"null-co\",\"node-name\":\"n\",\"size\":1048576}",
                "-device",
                "{\"driver\":\"nvme\",\"serial\":\"1\",\"drive\":\"n\"}",
            ],
        };

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        vm.IsWarm.Should().BeFalse();
        vm.StartNote.Should().Contain("can't be kept as a warm template").And.ContainEquivalentOf("nvme");
        (await vm.Shell.RunAsync("uname", cancellationToken: Token)).Should().HaveOutput("Linux");
    }
}
