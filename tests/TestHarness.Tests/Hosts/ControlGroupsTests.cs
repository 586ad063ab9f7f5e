using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>What is read of a process's control groups, in both versions.</summary>
public sealed class ControlGroupsTests
{
    [Fact]
    public void Knows_where_the_files_of_the_groups_are() =>
        ControlGroups
            .MemoryFiles("9:name=systemd:/\n4:memory:/a/b:c\n3:cpu,cpuacct:/x\n0::/u.slice/run\n", "memory.limit_in_bytes", "memory.max")
            .Should()
            .Equal(
                "/sys/fs/cgroup/memory/a/b:c/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/u.slice/run/memory.max",
                "/sys/fs/cgroup/u.slice/memory.max",
                "/sys/fs/cgroup/memory.max"
            );

    [Theory]
    [InlineData("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3)]
    [InlineData("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n", 1)]
    [InlineData("oom_kill_disable 0\nunder_oom 0\n", 0)]
    [InlineData("", 0)]
    public void Counts_the_kills_of_the_kernel(string text, long kills) => OomWatch.Kills(text).Should().Be(kills);

    [Fact]
    public void Finds_the_line_that_names_a_process()
    {
        const string Log = """
            [ 35904.446753] qemu-system-x86[9255]: segfault at b0 ip 0000562895b35a7a
            [ 74078.885684] Memory cgroup out of memory: Killed process 20881 (qemu-system-x86) total-vm:2856388kB, UID:65534
            [ 74079.000001] Out of memory: Killed process 2088 (dotnet) total-vm:1kB

            """;

        OomWatch
            .KillLine(Log, 20881, TimeSpan.Zero)
            .Should()
            .Be("Memory cgroup out of memory: Killed process 20881 (qemu-system-x86) total-vm:2856388kB, UID:65534");
        OomWatch.KillLine(Log, 2088, TimeSpan.FromSeconds(74_079)).Should().Be("Out of memory: Killed process 2088 (dotnet) total-vm:1kB");
        OomWatch.KillLine(Log, 9255, TimeSpan.Zero).Should().BeNull();
        OomWatch.KillLine(Log, 208, TimeSpan.Zero).Should().BeNull();
    }

    [Theory]
    [InlineData("[ 1000.000000] Out of memory: Killed process 7 (old)", 2000, false)]
    [InlineData("[ 1995.000000] Out of memory: Killed process 7 (new)", 2000, true)]
    [InlineData("[2592000.100000] Out of memory: Killed process 7 (new)", 2592100, true)]
    [InlineData("Out of memory: Killed process 7 (no time)", 0, false)]
    [InlineData("[x] Out of memory: Killed process 7 (no time)", 0, false)]
    public void Takes_no_line_from_before_the_process_for_its_own(string line, int began, bool found) =>
        (OomWatch.KillLine(line, 7, TimeSpan.FromSeconds(began)) is not null).Should().Be(found);
}
