using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

/// <summary>How the probe's QEMU is run and ended; what the guest does is for the machine tests.</summary>
public sealed class AcceleratorProbeTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Leaves_no_process_and_no_folder_of_one_that_hangs()
    {
        using var qemu = new ScriptedQemu("trap '' TERM HUP INT; echo probe:$$ $(pwd); exec sleep 60");
        AcceleratorProof proof = await AcceleratorProbe.RunAsync(qemu.Program, Accelerator.Kvm, null, [], Short, Token);

        proof.Hung.Should().BeTrue();
        string[] step = proof.Fault!.Split('\'')[1].Split(' ');
        int process = int.Parse(step[0], CultureInfo.InvariantCulture);
        // It is killed before the probe returns, and gone a moment later on a busy host.
        for (
            long since = Stopwatch.GetTimestamp();
            Directory.Exists($"/proc/{process}") && Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(2);

        )
            await Task.Delay(10, Token);
        Directory.Exists($"/proc/{process}").Should().BeFalse();
        step[1].Should().StartWith(RunFolder.ForProcess());
        Directory.Exists(step[1]).Should().BeFalse();
    }

    [Fact]
    public async Task Ends_at_once_when_the_caller_gives_up()
    {
        using var qemu = new ScriptedQemu("exec sleep 60");
        using var cancel = new CancellationTokenSource();
        Task<AcceleratorProof> probe = AcceleratorProbe.RunAsync(qemu.Program, Accelerator.Tcg, null, [], Long, cancel.Token);
        await cancel.CancelAsync();

        await probe.Invoking(task => task.WaitAsync(TimeSpan.FromSeconds(5), Token)).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task Runs_QEMU_as_machines_do()
    {
        // Said as the fault's first line: user, sandbox, whether standard input is closed.
        using var qemu = new ScriptedQemu("echo \"$(id -u) $(cat | wc -c) $*\"; exit 1");
        AcceleratorProof proof = await AcceleratorProbe.RunAsync(qemu.Program, Accelerator.Kvm, null, [], Long, Token);

        string user = QemuUser.Id.ToString(CultureInfo.InvariantCulture);
        proof
            .Words.Should()
            .StartWith(
                $"{user} 0 -nodefaults -no-user-config -machine q35,vmport=off -accel kvm -cpu max -m 32M -display none -sandbox on,"
            );
    }

    [Fact]
    public async Task Puts_QEMUs_user_into_the_devices_group_where_it_is_another_user()
    {
        using var qemu = new ScriptedQemu("id -G; exit 1");
        AcceleratorProof with = await AcceleratorProbe.RunAsync(qemu.Program, Accelerator.Kvm, 4242, [], Long, Token);
        AcceleratorProof without = await AcceleratorProbe.RunAsync(qemu.Program, Accelerator.Kvm, null, [], Long, Token);

        string own = (await HelperProgram.RunAsync("id", ["-G"], null, Token)).StandardOutput;
        with.Words.Should().Be(QemuUser.IsOther ? $"{QemuUser.Id} 4242" : own);
        without.Words.Should().Be(QemuUser.IsOther ? $"{QemuUser.Id}" : own);
    }
}
