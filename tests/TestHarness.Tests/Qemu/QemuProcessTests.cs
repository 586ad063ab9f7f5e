using System.Diagnostics;
using FluentAssertions;
using TestHarness.Qemu;
using TestHarness.Tests.Hosts;
using Xunit;

namespace TestHarness.Tests.Qemu;

/// <summary>A QEMU that is a script which does not <c>exec</c>: it is ended as a whole, soon.</summary>
[Fault(
    "`QemuPath` is a script that starts QEMU without `exec` and waits for it. A helper program leaves a process "
        + "behind, which may hold its pipes.",
    "All that was started ends with it, also when the test program is killed. A dispose returns.",
    "HelperProgramTests",
    "QemuWrapperTests",
    "KilledOwnerTests"
)]
public sealed class QemuProcessTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sleep 60 & echo $! >&2; wait")]
    [InlineData("timeout 60 sleep 60 & echo $! >&2; wait")]
    [InlineData("timeout 60 sleep 60 > /dev/null 2>&1 & echo $! >&2; wait")]
    [InlineData("(setsid sleep 60 > /dev/null 2>&1 & echo $! >&2); sleep 60")]
    [InlineData("(sleep 60 > /dev/null 2>&1 & echo $! >&2); wait; sleep 60")]
    public async Task Ends_with_all_that_it_has_started(string script)
    {
        using var qemu = new ScriptedQemu(script);
        QemuProcess process = await QemuProcess.StartAsync(qemu.Program, [], qemu.Proofs, null);
        int left = await ReadNumberAsync(process);

        await process.DisposeAsync().AsTask().WaitAsync(Bound, Token);

        process.EndedByUs.Should().BeTrue();
        await LeftProcess.ShouldBeGoneAsync(left);
    }

    [Theory]
    [InlineData("sleep 60 & echo $! >&2; exit 3")]
    [InlineData("timeout 60 sleep 60 > /dev/null 2>&1 & echo $! >&2; exit 3")]
    public async Task Leaves_nothing_where_it_ends_by_itself(string script)
    {
        using var qemu = new ScriptedQemu(script);
        QemuProcess process = await QemuProcess.StartAsync(qemu.Program, [], qemu.Proofs, null);

        (await process.Exited.WaitAsync(Bound, Token)).Should().Be(3);

        process.EndedByUs.Should().BeFalse();
        await LeftProcess.ShouldBeGoneAsync(LeftProcess.NumberIn(process.StandardError));
        await process.DisposeAsync();
    }

    [Fact]
    public async Task Does_not_wait_for_one_that_escaped_with_its_pipes()
    {
        using var qemu = new ScriptedQemu("(env -i sleep 60 & echo $! >&2); sleep 60");
        QemuProcess process = await QemuProcess.StartAsync(qemu.Program, [], qemu.Proofs, null);
        int left = await ReadNumberAsync(process);

        await process.DisposeAsync().AsTask().WaitAsync(Bound, Token);

        Process.GetProcessById(left).Kill();
    }

    private static async Task<int> ReadNumberAsync(QemuProcess process)
    {
        var since = Stopwatch.StartNew();
        while (!process.StandardError.EndsWith('\n'))
        {
            since.Elapsed.Should().BeLessThan(Bound, "the script tells it at once");
            await Task.Delay(10, Token);
        }

        return LeftProcess.NumberIn(process.StandardError);
    }
}
