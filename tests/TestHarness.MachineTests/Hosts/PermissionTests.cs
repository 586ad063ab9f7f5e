using System.Diagnostics;
using FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>Under umask 000, which gives everything that is made without care to everybody.</summary>
[Fault(
    "The tests run as root. The cache, a folder for disks or one to share lies below a folder that is closed to "
        + "QEMU's user. `mktemp -d` makes such folders. Or the folder leads there by a link.",
    "`HostNotReadyException` comes before the start, with the `chmod` that helps."
)]
[Fault("The umask is 000.", "Sockets, disks and memory files belong to the owner alone. Nobody else can write to a template.")]
public sealed class PermissionTests(Tiny tiny)
{
    private const UnixFileMode Others =
        UnixFileMode.GroupRead
        | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherWrite
        | UnixFileMode.OtherExecute;

    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Nobody_else_reads_a_machines_files_or_changes_a_template()
    {
        using var cache = new EmptyStore(Path.Combine(await UsualCache.ImagesOfAsync(tiny.Machine, Token), "../templates/any"));
        using var program = new SampleProgram(Path.GetDirectoryName(cache.Templates));

        HeldMachine machine = await SampleProgram.HoldAsync(program.StartBy("umask 000; exec \"$@\"", "hold"), untilUp: true);

        AssertClosed(Directory.GetFileSystemEntries(machine.Folder, "*", SearchOption.AllDirectories).Append(machine.Folder));
        AssertClosed(
            Directory.GetFileSystemEntries(Path.Combine(program.RunFolder, "ledger")).Append(Path.Combine(program.RunFolder, "ledger"))
        );
        // As root QEMU is another user, who passes through to its own folder.
        string process = Path.GetDirectoryName(machine.Folder)!;
        (File.GetUnixFileMode(process) & (Others & ~(UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)))
            .Should()
            .Be(UnixFileMode.None);
        AssertClosed(Directory.GetFiles(process));

        string template = Directory.GetDirectories(cache.Templates).Should().ContainSingle().Subject;
        AssertClosed(((string[])["memory", "state", "serial.log"]).Select(file => Path.Combine(template, file)));
        Directory
            .GetFileSystemEntries(template, "*", SearchOption.AllDirectories)
            .Append(template)
            .Append(cache.Templates)
            .Where(path => (File.GetUnixFileMode(path) & OthersWrite) != 0 && !path.EndsWith("/proven", StringComparison.Ordinal))
            .Should()
            .BeEmpty();
    }

    [Fact]
    public async Task Nobody_else_connects_to_a_machines_sockets()
    {
        using var program = new SampleProgram();

        // A QEMU that does not connect, so that they are still there.
        Process held = program.StartBy("umask 000; exec \"$@\"", "hold", FakeQemu.Spec("mute").QemuPath!, "mute");
        HeldMachine machine = await SampleProgram.HoldAsync(held, untilUp: false);

        string[] files = Directory.GetFileSystemEntries(machine.Folder);
        files.Select(Path.GetFileName).Should().Contain(["qmp.sock", "agent.sock", "serial.in", "serial.out"]);
        AssertClosed(files.Append(machine.Folder));
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("cache", "TESTHARNESS_CACHE")]
    [InlineData("disks", "MachineSpec.DiskFolder")]
    [InlineData("share", null)]
    public async Task Says_how_to_let_QEMU_through_to_a_folder_before_anything_is_started(string what, string? setting)
    {
        // As mktemp -d makes it.
        string closed = Directory
            .CreateDirectory($"/var/tmp/th-{Guid.NewGuid():N}", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)
            .FullName;
        string link = $"{closed}-link",
            inner = Directory.CreateDirectory(Path.Combine(closed, "in/ner")).FullName;
        try
        {
            // A way through a link is closed where the link leads.
            File.CreateSymbolicLink(link, Path.Combine(closed, "in"));
            if (what == "cache")
                File.CreateSymbolicLink(Path.Combine(inner, "images"), await UsualCache.ImagesOfAsync(tiny.Machine, Token));
            using var program = new SampleProgram(what == "cache" ? $"{link}/ner" : null);

            (int exitCode, string output) =
                what == "cache" ? await program.RunAsync("run") : await program.RunAsync("run", what, $"{link}/ner");

            if (Environment.IsPrivilegedProcess)
            {
                output
                    .Should()
                    .StartWith("HostNotReadyException: ")
                    .And.Contain($"'{closed}' is closed\n")
                    .And.Contain($"Try: chmod a+x '{closed}', or ")
                    .And.Contain(setting ?? "share a folder without it");
                output.Length.Should().BeLessThan(600, "QEMU's command line is not in it");
                exitCode.Should().Be(1);
                File.SetUnixFileMode(closed, File.GetUnixFileMode(closed) | UnixFileMode.OtherExecute);
                (exitCode, output) = what == "cache" ? await program.RunAsync("run") : await program.RunAsync("run", what, $"{link}/ner");
            }

            exitCode.Should().Be(0, output);
        }
        finally
        {
            File.Delete(link);
            Directory.Delete(closed, recursive: true);
        }
    }

    [Fact]
    public async Task A_run_folder_below_a_closed_one_is_fine()
    {
        using var program = new SampleProgram();
        string closed = Directory
            .CreateDirectory(
                Path.Combine(program.RunFolder, "1"),
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            )
            .FullName;
        program.With("TESTHARNESS_RUN", Path.Combine(closed, "run"));

        (int exitCode, string output) = await program.RunAsync("run");

        (exitCode, output).Should().Be((0, "Linux\nwarm\n"));
    }

    private static void AssertClosed(IEnumerable<string> paths) =>
        paths
            .Where(path => (File.GetUnixFileMode(path) & Others) != 0)
            .Select(path => $"{path} {File.GetUnixFileMode(path)}")
            .Should()
            .BeEmpty("they are the owner's alone");
}
