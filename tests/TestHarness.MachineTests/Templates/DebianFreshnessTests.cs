using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

public sealed class DebianFreshnessTests
{
    private static readonly MachineSpec Spec = new() { Image = "debian-12" };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_package_that_one_installed_is_not_in_the_next()
    {
        await using (VirtualMachine one = await VirtualMachine.StartAsync(Spec, cancellationToken: Token))
        {
            // A package made in the guest: machines reach no package source.
            await one.Shell.RunAsync(
                "mkdir -p /tmp/p/DEBIAN && printf 'Package: left-behind\\nVersion: 1\\nArchitecture: all\\nMaintainer: a "
                    + "<a@example.org>\\nDescription: x\\n' > /tmp/p/DEBIAN/control && dpkg-deb -b /tmp/p /tmp/p.deb && dpkg -i /tmp/p.deb",
                cancellationToken: Token
            );
            (await one.Shell.RunAsync("dpkg-query -W -f '${Status}' left-behind", cancellationToken: Token))
                .Should()
                .HaveOutput("install ok installed");
        }

        await using VirtualMachine next = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        (await next.Shell.TryRunAsync("dpkg-query -W left-behind", cancellationToken: Token)).Should().Fail();
    }

    [Fact]
    public async Task Each_has_its_own_machine_id_and_tells_its_programs_that_it_is_a_copy()
    {
        await using VirtualMachine one = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);
        await using VirtualMachine two = await VirtualMachine.StartAsync(Spec, cancellationToken: Token);

        string[] ids =
        [
            (await one.Shell.RunAsync("cat /etc/machine-id", cancellationToken: Token)).StandardOutput,
            (await two.Shell.RunAsync("cat /etc/machine-id", cancellationToken: Token)).StandardOutput,
        ];

        ids.Should().OnlyHaveUniqueItems().And.OnlyContain(id => id.Trim().Length == 32);
        (
            await one.Shell.RunAsync(
                "journalctl -k --no-pager | grep -c 'crng reseeded due to virtual machine fork'",
                cancellationToken: Token
            )
        )
            .Should()
            .Succeed();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Two_hundred_in_a_row_leave_the_host_as_it_was()
    {
        int[] before = [],
            after = [];
        for (int i = 0; i < 200; i++)
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
            // The first ten let the runtime take what it takes once.
            if (i == 10)
                before = Counts(vm);
            after = Counts(vm);
        }

        // Tests beside this one have machines too; one thing left behind by each start would be 190.
        after.Zip(before).Should().OnlyContain(pair => pair.First < pair.Second + 60, "open files, threads and run folders stay flat");
    }

    private static int[] Counts(VirtualMachine vm) =>
        [
            Directory.GetFiles("/proc/self/fd").Length,
            Directory.GetDirectories("/proc/self/task").Length,
            // The folder of this process, which its machines' folders are in.
            Directory.GetFileSystemEntries(Path.GetDirectoryName(new FileInfo($"/proc/{vm.ProcessId}/cwd").LinkTarget)!).Length,
        ];
}
