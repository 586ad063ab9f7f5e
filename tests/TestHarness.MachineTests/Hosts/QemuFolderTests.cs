using System.Diagnostics;
using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>What somebody who broke out of a guest into QEMU can do to the folders of this process's user: nothing.</summary>
public sealed class QemuFolderTests(Tiny tiny) : IDisposable
{
    private readonly string _outside = Directory.CreateTempSubdirectory("outside").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_outside, recursive: true);

    [Fact]
    public async Task Links_in_its_folder_lead_no_file_of_ours_elsewhere()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);
        await AsQemuAsync(vm, "for name in r1 r2 t1 hold ssh; do ln -s \"$1\" $name; done", _outside);
        string pushed = Path.Combine(_outside, "pushed");
        await File.WriteAllTextAsync(pushed, "pushed", Token);

        await vm.Files.PushAsync(pushed, "/root/pushed", cancellationToken: Token);
        await using (await vm.HoldAsync(Token))
            Directory.GetFileSystemEntries(_outside).Should().Equal(pushed);

        Directory.GetFileSystemEntries(_outside).Should().Equal(pushed);
        (await vm.Shell.RunAsync("cat /root/pushed", cancellationToken: Token)).StandardOutput.Should().Be("pushed");
    }

    [Fact]
    public async Task QEMU_is_a_user_that_nobody_else_is_and_can_not_write_beside_its_folder()
    {
        await using VirtualMachine vm = await tiny.StartFreshAsync(Token);

        string[] status = await File.ReadAllLinesAsync($"/proc/{vm.ProcessId}/status", Token);
        status.Single(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1..].Should().AllBe($"{QemuUser.Id}");
        Native.StatusOfItself(vm.OwnFolder)!.Value.User.Should().Be(Native.EffectiveUserId());
        File.GetUnixFileMode(vm.Folder).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (!QemuUser.IsOther)
            return;
        QemuUser.Id.Should().NotBe(65534);
        (await AsQemuAsync(vm, "touch ../file 2> /dev/null || echo kept out")).Should().Be("kept out");
        HelperResult nobody = await HelperProgram.RunAsync(
            "setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", "--", "ls", vm.Folder],
            null,
            Token
        );
        nobody.ExitCode.Should().NotBe(0, "it is QEMU's alone");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Links_in_its_folder_stay_what_they_are_when_the_guest_reboots_and_the_machine_goes()
    {
        string kept = Path.Combine(_outside, "kept");
        await File.WriteAllTextAsync(kept, "kept", Token);
        uint owner = Native.StatusOfItself(kept)!.Value.User;
        VirtualMachine vm = await tiny.StartFreshAsync(Token);
        string folder = vm.OwnFolder;
        await using (vm)
        {
            await AsQemuAsync(
                vm,
                "rm serial.in; ln -s \"$1/kept\" serial.in; ln -s \"$1\" outside; mkdir -p a/b; ln -s \"$1\" a/b/outside",
                _outside
            );

            await vm.RebootAsync(cancellationToken: Token);

            (await vm.Shell.RunAsync("echo back", cancellationToken: Token)).StandardOutput.Should().Be("back\n");
        }

        Directory.Exists(folder).Should().BeFalse();
        (await File.ReadAllTextAsync(kept, Token)).Should().Be("kept");
        Native.StatusOfItself(kept)!.Value.User.Should().Be(owner);
    }

    private static async Task<string> AsQemuAsync(VirtualMachine vm, string script, params string[] arguments)
    {
        HelperResult result = await HelperProgram.RunAsync(
            "setpriv",
            [.. QemuUser.SetPrivArguments(null), "sh", "-e", "-c", script, "sh", .. arguments],
            new HelperOptions { WorkingDirectory = vm.Folder },
            Token
        );
        result.ExitCode.Should().Be(0, result.StandardError);
        return result.StandardOutput;
    }
}
