using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>Folders of the host that a guest reads.</summary>
public sealed class HostShareTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_101_101;

    // With a comma in its name, which means something to QEMU's options.
    private readonly string _folder = Directory
        .CreateDirectory(Path.Combine(Path.GetTempPath(), $"testharness-share,{Guid.NewGuid():N}"), Everybody)
        .FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("tiny")]
    [InlineData("debian-12", Traits = ["Speed", "Slow"])]
    public async Task Shows_the_folder_read_only_also_after_a_reboot_and_says_why_it_boots(string image)
    {
        Directory.CreateDirectory($"{_folder}/sub", Everybody);
        File.WriteAllText($"{_folder}/sub/file", "one");
        File.WriteAllText($"{_folder}/hostname", "the host's");
        File.CreateSymbolicLink($"{_folder}/outward", "/etc/hostname");
        File.CreateSymbolicLink($"{_folder}/up", "../../etc/hostname");
        var spec = new MachineSpec
        {
            Image = image,
            Hostname = "guest-1",
            Shares = [new HostShare(_folder, "/mnt/it's here/x")],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        const string Read = "cd \"/mnt/it's here/x\" && cat sub/file hostname && echo guest-file > /etc/hostname && cat outward";

        vm.StartNote.Should().Contain("share of the host mounted");
        (await vm.Shell.RunAsync(Read, cancellationToken: Token))
            .Should()
            .HaveOutput("onethe host'sguest-file", "a link is followed in the guest");
        File.WriteAllText($"{_folder}/sub/file", "two");
        foreach (
            string write in (string[])
                [
                    "echo evil > sub/file",
                    "touch new",
                    "rm hostname",
                    "mkdir folder",
                    "chmod 777 sub/file",
                    "mount -o remount,rw . && touch new",
                ]
        )
            (await vm.Shell.TryRunAsync($"cd \"/mnt/it's here/x\"; {write}", cancellationToken: Token)).Should().Fail(because: write);
        if (image == "tiny")
        {
            await vm.RebootAsync(cancellationToken: Token);
            (await vm.Shell.RunAsync(Read, cancellationToken: Token)).Should().HaveOutput("twothe host'sguest-file");
            (
                await vm.Awaiting(machine => machine.CheckpointAsync("no", cancellationToken: Token))
                    .Should()
                    .ThrowAsync<MonitorException>()
            ).WithMessage("*mounted*");
        }

        Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Should().BeEquivalentTo("sub", "hostname", "outward", "up");
        File.ReadAllText($"{_folder}/sub/file").Should().Be("two");
    }

    [Fact]
    public async Task Refuses_what_can_not_be_shared()
    {
        File.WriteAllText($"{_folder}/file", "x");

        await Refused($"{_folder}/nothing", "*nothing' can't be shared*Reason: it does not exist*Try: *");
        await Refused($"{_folder}/file", "*file' can't be shared*Reason: it is not a folder*");
        await FluentActions
            .Awaiting(() =>
                VirtualMachine.StartAsync(
                    new MachineSpec { Shares = [new HostShare("relative", "/"), new HostShare("/a", "b")] },
                    cancellationToken: Token
                )
            )
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*3 mistake(s)*\"relative\"*\"/\"*\"b\"*");
        File.SetUnixFileMode($"{_folder}/file", UnixFileMode.UserRead);
        if (Environment.UserName == "root")
            await Refused(_folder, $"*Reason: *QEMU runs as an unprivileged user, to which '{_folder}/file' is closed*Try: chmod a+r*");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_so_when_the_guest_can_not_mount_it()
    {
        var spec = new MachineSpec { KernelArguments = "module_blacklist=9p", Shares = [new HostShare(_folder, "/mnt/x")] };

        (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineStartException>()
        ).WithMessage($"*the share {_folder} could not be mounted at /mnt/x; the guest's kernel needs 9p*Output: *");
    }

    private static async Task Refused(string path, string message) =>
        (
            await FluentActions
                .Awaiting(() =>
                    VirtualMachine.StartAsync(new MachineSpec { Shares = [new HostShare(path, "/mnt/x")] }, cancellationToken: Token)
                )
                .Should()
                .ThrowAsync<HostNotReadyException>()
        ).WithMessage(message);
}
