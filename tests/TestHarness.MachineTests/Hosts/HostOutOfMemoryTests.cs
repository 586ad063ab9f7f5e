using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>The control group of a test run is out of memory, as in a container with a limit, and the host's kernel kills QEMU.</summary>
[Fault(
    "The host runs out of memory, or the test run's control group or container does. The kernel kills QEMU.",
    "The call fails and names it (`HostOutOfMemory`), with the kernel's words or the group's count. A kill by a "
        + "person or another program is told apart from it.",
    "ControlGroupsTests"
)]
public sealed class HostOutOfMemoryTests
{
    // As in https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
    private const string EnterGroup = """
        if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
            group=/sys/fs/cgroup/$NAME; echo +memory > /sys/fs/cgroup/cgroup.subtree_control; limit=memory.max
        else
            group=/sys/fs/cgroup/memory/$NAME; limit=memory.limit_in_bytes
        fi
        mkdir "$group" && echo 400M > "$group/$limit" && echo $$ > "$group/cgroup.procs" || exit 99
        """;

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(
        "exec",
        @"the host's kernel killed QEMU, because memory ran out \(Memory cgroup out of memory: Killed process [0-9]+ "
            + @"\(qemu-system-x86\) total-vm:"
    )]
    [InlineData(
        "mount --bind /dev/null /dev/kmsg; exec",
        @"QEMU was ended by signal 9, and the kernel killed for want of memory in its control group meanwhile "
            + @"\(/sys/fs/cgroup/.*testharness-.*: oom_kill rose from 0 to [1-9]"
    )]
    public async Task Is_told_from_a_kill_by_somebody(string start, string evidence)
    {
        Environment.UserName.Should().Be("root", "this test makes a control group: run it as root, or in a container where you are");
        string group = $"testharness-{Guid.NewGuid():N}";
        using SampleProgram program = new SampleProgram().With("NAME", group).With("TESTHARNESS_MEMORY_MIB", "4096");
        try
        {
            (int exitCode, string output) = await program.RunInMountsAsync($"{EnterGroup}\n{start} timeout 60 \"$@\"", "eat");

            exitCode.Should().Be(1, output);
            output
                .Should()
                .MatchRegex("is not running: " + evidence)
                .And.Contain("MachineExitedException")
                .And.Contain("Try: give machines less memory")
                .And.Contain("infrastructure failed");
            await program.AssertNothingStaysAsync();
        }
        finally
        {
            await RemoveAsync(group);
        }
    }

    // The kernel holds a group for a moment after its last process has gone.
    private static async Task RemoveAsync(string name)
    {
        var since = Stopwatch.StartNew();
        foreach (string group in Groups(name))
        {
            while (Directory.Exists(group))
            {
                try
                {
                    Directory.Delete(group);
                }
                catch (IOException) when (since.Elapsed < TimeSpan.FromSeconds(10))
                {
                    await Task.Delay(20, CancellationToken.None);
                }
            }
        }
    }

    private static string[] Groups(string name) => [$"/sys/fs/cgroup/{name}", $"/sys/fs/cgroup/memory/{name}"];
}
