using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Images;

/// <summary>Disks of the user's own that have the agent: tiny's, copied.</summary>
public sealed class OwnImageTests(Tiny tiny) : IDisposable
{
    private readonly OpenFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DiskFormat.Raw, "disk.raw", Traits = ["Speed", "Slow"])]
    [InlineData(DiskFormat.Raw, "disk.img", Traits = ["Speed", "Slow"])]
    [InlineData(DiskFormat.Qcow2, "it's, \"a disk\" ä.qcow2")]
    public async Task Starts_from_a_disk_with_kernel_and_initrd_named_and_never_writes_to_it(DiskFormat format, string name)
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token),
            disk = await CopyDiskAsync(image, format, name);
        byte[] before = await HashAsync(disk);
        var spec = new MachineSpec
        {
            Image = disk,
            ImageFormat = name.EndsWith(".img", StringComparison.Ordinal) ? format : null,
            Kernel = Path.Combine(image, "vmlinux"),
            Initrd = Path.Combine(image, "initrd"),
            KernelArguments = "root=/dev/vda rw",
            Start = StartMode.Cold,
        };

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        await vm.Shell.RunAsync("dd if=/dev/urandom of=/junk bs=1M count=4; sync", cancellationToken: Token);

        (await HashAsync(disk)).Should().Equal(before);
        (await vm.CollectEvidenceAsync(Token))
            .CommandLine.Should()
            .Contain($$"""{"driver":"{{(format == DiskFormat.Raw ? "raw" : "qcow2")}}","read-only":true""");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Keeps_a_warm_template_until_the_disk_changes()
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token),
            disk = await CopyDiskAsync(image, DiskFormat.Raw, "disk.raw");
        File.Copy(Path.Combine(image, "vmlinux"), _folder["vmlinux"]);
        File.Copy(Path.Combine(image, "initrd"), _folder["initrd"]);
        var spec = new MachineSpec
        {
            Image = disk,
            KernelArguments = "root=/dev/vda rw",
            MemoryMiB = 128,
        };
        string[] steps = await StepsAsync(spec, "touch /left-behind; sync");
        string[] again = await StepsAsync(spec, "test ! -e /left-behind");
        // The ext4 file system has no use for its first kilobyte.
        using (FileStream file = new(disk, FileMode.Open, FileAccess.Write))
            file.WriteByte(1);

        string[] changed = await StepsAsync(spec, "true");

        const string Made = "template is made (once for machines like this one)";
        steps.Should().Contain(Made).And.Contain("guest is restored");
        again.Should().NotContain(Made).And.Contain("guest is restored");
        changed.Should().Contain(Made, "the template was that of another disk");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Comes_back_from_a_reboot_on_a_disk_that_lies_on_another_one()
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token);
        await CopyDiskAsync(image, DiskFormat.Raw, "base.raw");
        await QemuImgAsync("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", _folder["middle.qcow2"]);
        await QemuImgAsync("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", _folder["middle.qcow2"], _folder["top.qcow2"]);
        var spec = new MachineSpec
        {
            Image = _folder["top.qcow2"],
            Kernel = Path.Combine(image, "vmlinux"),
            Initrd = Path.Combine(image, "initrd"),
            KernelArguments = "root=/dev/vda rw",
            MemoryMiB = 128,
            Disks = [new Disk(8)],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        vm.IsWarm.Should().BeTrue();
        await vm.Shell.RunAsync("echo kept > /kept; sync", cancellationToken: Token);

        await vm.RebootAsync(cancellationToken: Token);

        (await vm.Shell.RunAsync("cat /kept", cancellationToken: Token)).Should().HaveOutput("kept");
        string repro = (await vm.CollectEvidenceAsync(Token)).ReproScript;
        repro.Should().Contain($"qemu-img create -q -f qcow2 -F qcow2 -b {_folder["top.qcow2"]} disk.qcow2").And.NotContain("/templates/");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Fetches_a_disk_by_its_sum()
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token),
            disk = Path.Combine(image, "disk.qcow2");
        var spec = new MachineSpec
        {
            Image = new Uri(disk).ToString(),
            ImageSha256 = Convert.ToHexString(await HashAsync(disk)),
            Kernel = Path.Combine(image, "vmlinux"),
            Initrd = Path.Combine(image, "initrd"),
            KernelArguments = "root=/dev/vda rw",
            Start = StartMode.Cold,
        };

        string fetched = Path.Combine(await UsualCache.ImagesOfAsync(tiny.Machine, Token), "sha256", spec.ImageSha256.ToLowerInvariant());

        try
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

            (await vm.Shell.RunAsync("uname", cancellationToken: Token)).Should().HaveOutput("Linux");
            (await vm.CollectEvidenceAsync(Token)).CommandLine.Should().Contain($"\"filename\":\"{fetched}\"");
        }
        finally
        {
            File.Delete(fetched);
            File.Delete($"{fetched}.lock");
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Reaches_a_foreign_disk_by_what_cloud_init_installs()
    {
        string image,
            disk;
        await using (
            VirtualMachine cloud = await VirtualMachine.StartAsync(
                new MachineSpec { Image = "debian-12-cloud", CloudInit = new CloudInit() },
                cancellationToken: Token
            )
        )
            image = await UsualCache.ImageFolderOfAsync(cloud, Token);
        disk = await CopyDiskAsync(image, DiskFormat.Qcow2, "disk.qcow2");
        File.CreateSymbolicLink(_folder["vmlinuz"], Path.Combine(image, "vmlinux"));
        File.CreateSymbolicLink(_folder["initrd.img"], Path.Combine(image, "initrd"));
        var spec = new MachineSpec
        {
            Image = disk,
            KernelArguments = "root=/dev/vda rw",
            Start = StartMode.Cold,
            CloudInit = new CloudInit { Files = [new CloudFile("/etc/motd", "reached\n")] },
        };

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        (await vm.Shell.RunAsync("cat /etc/motd", cancellationToken: Token)).Should().HaveOutput("reached");
    }

    [Fact]
    public async Task Says_how_to_let_QEMU_read_a_disk_that_is_closed_to_it()
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token),
            disk = await CopyDiskAsync(image, DiskFormat.Raw, "disk.raw");
        File.SetUnixFileMode(disk, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var spec = new MachineSpec
        {
            Image = disk,
            Firmware = Firmware.Bios,
            GuestAccess = GuestAccess.None,
        };

        Func<Task> start = async () => await (await VirtualMachine.StartAsync(spec, cancellationToken: Token)).DisposeAsync();

        // An ordinary user's QEMU is that user, to whom the disk is open.
        if (Environment.IsPrivilegedProcess)
            (await start.Should().ThrowAsync<HostNotReadyException>())
                .Which.Message.Should()
                .Contain($"QEMU can't read '{disk}'.")
                .And.Contain($"Try: chmod a+r '{disk}'");
        else
            await start.Should().NotThrowAsync();
    }

    private async Task<string> CopyDiskAsync(string image, DiskFormat format, string name)
    {
        await QemuImgAsync(
            "convert",
            "-f",
            "qcow2",
            "-O",
            format == DiskFormat.Raw ? "raw" : "qcow2",
            Path.Combine(image, "disk.qcow2"),
            _folder[name]
        );
        return _folder[name];
    }

    private static async Task QemuImgAsync(params string[] arguments)
    {
        (int exitCode, string output) = await Repository.RunAsync("qemu-img", arguments, null, Token);
        exitCode.Should().Be(0, output);
    }

    private static async Task<string[]> StepsAsync(MachineSpec spec, string command)
    {
        var steps = new List<string>();
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new Reporter(steps.Add), Token);
        await vm.Shell.RunAsync(command, cancellationToken: Token);
        return [.. steps];
    }

    private static async Task<byte[]> HashAsync(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return await SHA256.HashDataAsync(stream, Token);
    }

    private sealed class Reporter(Action<string> report) : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => report(value.Step);
    }
}
