using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>
/// The run folder is on a file system that can't be used, or is somebody else's: said before QEMU is started, and nothing stays.
/// </summary>
[Fault(
    "The run folder is read-only, full, out of inodes, missing, a link, somebody else's or open to all.",
    "`HostNotReadyException` names it, before QEMU starts."
)]
public sealed class RunFolderTests
{
    // Runs it, gives the reaper 3 s, and lists what stays.
    private const string AndThen =
        "echo \"folder $TESTHARNESS_RUN\"; \"$@\"; code=$?; i=0; "
        + "while ls -d \"$TESTHARNESS_RUN\"/*-* >/dev/null 2>&1 && [ $i -lt 60 ]; do sleep 0.05; i=$((i + 1)); done; ls -d "
        + "\"$TESTHARNESS_RUN\"/*-* 2>/dev/null; exit $code";

    [Theory]
    [InlineData("read-only", "mount -t tmpfs -o ro,mode=700 none \"$TESTHARNESS_RUN\"", "Read-only file system")]
    [InlineData(
        "full",
        "mount -t tmpfs -o size=64k,mode=700 none \"$TESTHARNESS_RUN\"; head -c 64k /dev/zero > \"$TESTHARNESS_RUN/accelerators\"",
        "No space left on device"
    )]
    [InlineData(
        "full but for a few blocks",
        "mount -t tmpfs -o size=64k,mode=700 none \"$TESTHARNESS_RUN\"; head -c 40k /dev/zero > \"$TESTHARNESS_RUN/accelerators\"",
        "No space left on device"
    )]
    [InlineData(
        "out of inodes",
        "mount -t tmpfs -o nr_inodes=2,mode=700 none \"$TESTHARNESS_RUN\"; touch \"$TESTHARNESS_RUN/accelerators\"",
        "No space left on device"
    )]
    [InlineData(
        "almost out of inodes",
        "mount -t tmpfs -o nr_inodes=8,mode=700 none \"$TESTHARNESS_RUN\"; touch \"$TESTHARNESS_RUN/accelerators\"",
        "No space left on device"
    )]
    [InlineData("below a folder that is missing", "export TESTHARNESS_RUN=\"$TESTHARNESS_RUN/missing/run\"", "/missing' does not exist")]
    [InlineData("a file", "export TESTHARNESS_RUN=\"$TESTHARNESS_RUN/file\"; touch \"$TESTHARNESS_RUN\"", "Reason: ")]
    [InlineData(
        "a link that somebody made",
        "ln -s /var/tmp \"$TESTHARNESS_RUN/link\"; export TESTHARNESS_RUN=\"$TESTHARNESS_RUN/link\"",
        "not a folder of this process's user"
    )]
    [InlineData(
        "a link to nowhere",
        "ln -s /nowhere \"$TESTHARNESS_RUN/link\"; export TESTHARNESS_RUN=\"$TESTHARNESS_RUN/link\"",
        "Reason: "
    )]
    [InlineData("somebody else's", "chown 12345 \"$TESTHARNESS_RUN\"", "not a folder of this process's user")]
    [InlineData("open to all", "chmod 777 \"$TESTHARNESS_RUN\"", "others may write to it")]
    public async Task Says_that_the_run_folder_can_not_be_used(string what, string script, string reason)
    {
        using var program = new SampleProgram();

        (int exitCode, string output) = await program.RunInMountsAsync($"{script}; {AndThen}", "run");

        exitCode.Should().Be(1, $"it is {what}, and the program says so: {output}");
        string folder = output.Split('\n')[0]["folder ".Length..];
        output
            .Should()
            .Contain($"HostNotReadyException: The run folder '{folder}' can't be used.")
            .And.Contain(reason)
            .And.Contain("Try: set TESTHARNESS_RUN to");
        output.Should().NotContain("Linux").And.NotMatchRegex(@"/[0-9]+-[0-9a-f]{4}\n", "no folder of the process stays");
        await program.AssertNothingStaysAsync();
    }

    [Theory]
    [InlineData("mount -t tmpfs -o noexec,nosuid,nodev,mode=700 none \"$TESTHARNESS_RUN\"")]
    [InlineData("export TMPDIR=/no/such/folder")]
    [InlineData("mount -t tmpfs -o ro none /mnt; export TMPDIR=/mnt")]
    public async Task Needs_neither_programs_in_its_run_folder_nor_a_temporary_folder(string script)
    {
        using var program = new SampleProgram();

        (int exitCode, string output) = await program.RunInMountsAsync($"{script}; exec \"$@\"", "run");

        exitCode.Should().Be(0, output);
        output.Should().Contain("Linux");
        await program.AssertNothingStaysAsync();
    }

    [Theory]
    [InlineData(91)]
    [InlineData(92)]
    public async Task Works_as_long_as_the_sockets_have_room_and_says_where_they_have_not(int bytes)
    {
        using var program = new SampleProgram();

        // The machine's folder is RUN/PID-abcd/N.
        (int exitCode, string output) = await program.RunInMountsAsync(
            $"name=$(printf \"%0*d\" $(({bytes} - ${{#TESTHARNESS_RUN}} - ${{#$}} - 9)) 0); export "
                + "TESTHARNESS_RUN=\"$TESTHARNESS_RUN/$name\"; exec \"$@\"",
            "run"
        );

        if (bytes == 91)
            (exitCode, output).Should().Be((0, "Linux\nwarm\n"));
        else
            output
                .Should()
                .MatchRegex(
                    $"^HostNotReadyException: The run folder's path is too long for unix sockets: {bytes + 16} of at most 107 "
                        + $"bytes.\nFolder: /.{{{bytes - 1}}}\nLongest: .*\nTry: set TESTHARNESS_RUN to a path that is 1 bytes shorter.\n$"
                );
    }

    [Fact]
    public async Task Sweeps_what_a_power_cut_left_and_nothing_that_is_in_use()
    {
        using var program = new SampleProgram();
        HeldMachine live = await program.HoldAsync(untilUp: true);
        // Named after a process that lives: it is the lock that counts.
        string dead = Path.Combine(program.RunFolder, $"{live.Program.Id}-dead");
        Directory.CreateDirectory(Path.Combine(dead, "1"));
        await File.WriteAllTextAsync(Path.Combine(dead, "1/disk.qcow2"), "left", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(dead, "lock"), "process 1", TestContext.Current.CancellationToken);

        (int exitCode, string output) = await program.RunAsync("run");

        exitCode.Should().Be(0, output);
        Directory.Exists(dead).Should().BeFalse();
        File.Exists(Path.Combine(live.Folder, "disk.qcow2")).Should().BeTrue();
        ProcessTree.DescendantsOf(live.Program.Id).Should().Contain(child => child.Id == live.Qemu);
    }
}
