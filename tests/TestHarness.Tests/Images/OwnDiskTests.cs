using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>What of a user's disk is refused before QEMU starts, in words that name it.</summary>
[Fault(
    "A user's disk leads to other files, has another format than stated, is encrypted, or is a pipe or a device. A "
        + "download is cut, stalls, is redirected, has another sum, or is asked for by many.",
    "`ImageException` names the file, the reason and the remedy. A cut download goes on. Nothing of a wrong one " + "stays.",
    "FetchedImagesTests",
    "DownloadTests"
)]
public sealed class OwnDiskTests : IDisposable
{
    private readonly string _above = Directory.CreateTempSubdirectory("disks, \"ä ").FullName;
    private readonly string _folder;

    public OwnDiskTests() => _folder = Directory.CreateDirectory(Path.Combine(_above, "own")).FullName;

    private string this[string file] => Path.Combine(_folder, file);

    public void Dispose() => Directory.Delete(_above, recursive: true);

    [Fact]
    public void Takes_what_any_QEMU_makes()
    {
        foreach (
            string[] options in (string[][])
                [
                    [],
                    ["-o", "compat=0.10"],
                    ["-o", "cluster_size=2M"],
                    ["-o", "extended_l2=on"],
                    ["-o", "compression_type=zstd"],
                    ["-o", "lazy_refcounts=on"],
                    ["-o", "refcount_bits=1"],
                ]
        )
        {
            Create([.. options, this["disk.qcow2"], "1G"]);
            Open("disk.qcow2")
                .Should()
                .BeEquivalentTo(new OwnDisk(this["disk.qcow2"], [], DiskFormat.Qcow2, 1 << 30), string.Join(' ', options));
        }

        Create(this["disk.qcow2"], "1G");
        Run("snapshot", "-c", "one", this["disk.qcow2"]);
        Run("bitmap", "--add", this["disk.qcow2"], "b");
        Open("disk.qcow2").Size.Should().Be(1 << 30);
        File.WriteAllBytes(this["disk.raw"], new byte[1025]);
        Open("disk.raw", DiskFormat.Raw).Should().BeEquivalentTo(new OwnDisk(this["disk.raw"], [], DiskFormat.Raw, 1536));
    }

    [Fact]
    public void Takes_backing_files_in_the_disks_own_folder_with_a_stated_format()
    {
        Directory.CreateDirectory(this["below"]);
        File.WriteAllBytes(this["below/base.raw"], new byte[1024 * 1024]);
        Create("-F", "raw", "-b", "base.raw", this["below/middle.qcow2"]);
        Run("rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", this["below/base.raw"], this["below/middle.qcow2"]);
        Create("-F", "qcow2", "-b", "below/middle.qcow2", this["top.qcow2"], "2M");

        Open("top.qcow2")
            .Should()
            .BeEquivalentTo(
                new OwnDisk(this["top.qcow2"], [this["below/middle.qcow2"], this["below/base.raw"]], DiskFormat.Raw, 2 * 1024 * 1024)
            );
    }

    [Theory]
    [InlineData("/etc/shadow", "raw", "it is not in the disk's own folder")]
    [InlineData("../outside.qcow2", "qcow2", "it is not in the disk's own folder")]
    [InlineData("json:{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}", "raw", "a description (json:) in place of a file's name")]
    [InlineData("nbd://127.0.0.1/x", "raw", "an address, not a file")]
    [InlineData("host_device:/dev/sda", "raw", "an address, not a file")]
    [InlineData("link/base.raw", "raw", "is a symbolic link, to '/etc'")]
    public void Refuses_a_backing_file_that_leads_elsewhere(string name, string format, string reason)
    {
        Directory.CreateSymbolicLink(this["link"], "/etc");
        CreateOn(name, format);

        Refused("disk.qcow2")
            .Should()
            .StartWith($"Image './disk.qcow2': the disk can't be used.\nFile: {this["disk.qcow2"]}\nReason: its backing file is '{name}': ")
            .And.Contain(reason)
            .And.Contain("\nTry: make one file of it, where you trust what it leads to: qemu-img convert");
    }

    [Fact]
    public void Refuses_a_backing_file_whose_format_nobody_states()
    {
        CreateOn("base.raw", "raw");
        // The extension's type, in place of which there is one that nobody knows.
        Replace("disk.qcow2", [0xe2, 0x79, 0x2a, 0xca], [0xe2, 0x79, 0x2a, 0xcb]);

        Refused("disk.qcow2")
            .Should()
            .Contain("Reason: it does not state the format of its backing file 'base.raw'\nTry: qemu-img rebase -u -F qcow2 -b 'base.raw'");
    }

    [Fact]
    public void Refuses_a_chain_that_goes_round_in_circles()
    {
        CreateOn("disk.qcow2", "qcow2");

        Refused("disk.qcow2")
            .Should()
            .Contain("Reason: it lies on a chain of more than 16 backing files, or on one that goes round in circles");
    }

    [Fact]
    public void Looks_at_each_file_of_a_chain()
    {
        CreateOn("base.qcow2", "qcow2");
        File.WriteAllBytes(this["base.qcow2"], new byte[512]);
        Refused("disk.qcow2").Should().Contain($"File: {this["base.qcow2"]}\nReason: it is not in qcow2 format");

        File.Delete(this["base.qcow2"]);
        Refused("disk.qcow2").Should().Contain($"File: {this["base.qcow2"]}\nReason: there is no such file");
    }

    [Fact]
    public void Refuses_a_disk_whose_data_is_in_another_file()
    {
        Create("-o", $"data_file={Path.Combine(_above, "data").Replace(",", ",,", StringComparison.Ordinal)}", this["disk.qcow2"], "1M");

        Refused("disk.qcow2").Should().Contain("Reason: its data is in another file (data-file)");
    }

    [Fact]
    public void Refuses_an_encrypted_disk()
    {
        // Not LUKS: qemu-img now and then fails to measure how fast it derives keys ("Unable to get accurate CPU usage").
        Run(
            "create",
            "-q",
            "-f",
            "qcow2",
            "--object",
            "secret,id=s,data=x",
            "-o",
            "encrypt.format=aes,encrypt.key-secret=s",
            this["disk.qcow2"],
            "1M"
        );
        Refused("disk.qcow2").Should().Contain("Reason: it is encrypted (AES)");

        File.WriteAllBytes(this["disk.raw"], [.. "LUKS"u8, 0xba, 0xbe, 0, 1, .. new byte[2048]]);
        Refused("disk.raw", DiskFormat.Raw).Should().Contain("Reason: it is not a raw disk, which is stated, but LUKS (it is encrypted)");
    }

    [Fact]
    public void Refuses_a_disk_that_QEMU_marked_as_corrupt()
    {
        Create(this["disk.qcow2"], "1M");
        byte[] bytes = File.ReadAllBytes(this["disk.qcow2"]);
        bytes[79] |= 2;
        File.WriteAllBytes(this["disk.qcow2"], bytes);

        Refused("disk.qcow2").Should().Contain("Reason: it is marked as corrupt");
    }

    [Theory]
    [InlineData("qcow2", "qcow2", "set MachineSpec.ImageFormat to Qcow2")]
    [InlineData("qcow", "qcow", "qemu-img convert -f qcow ")]
    [InlineData("vmdk", "VMDK", "qemu-img convert -f vmdk ")]
    [InlineData("vdi", "VDI", "qemu-img convert -f vdi ")]
    [InlineData("vhdx", "VHDX", "qemu-img convert -f vhdx ")]
    [InlineData("vpc", "VHD", "qemu-img convert -f vpc ")]
    [InlineData("qed", "QED", "qemu-img convert -f qed ")]
    public void Refuses_another_format_than_the_one_that_is_stated(string made, string name, string remedy)
    {
        Run("create", "-q", "-f", made, this["disk"], "8M");

        Refused("disk", DiskFormat.Raw)
            .Should()
            .Contain($"Reason: it is not a raw disk, which is stated, but {name}\nTry: ")
            .And.Contain(remedy);
        if (made != "qcow2")
            Refused("disk").Should().Contain($"Reason: it is not in qcow2 format, which is stated, but {name}\nTry: ").And.Contain(remedy);
    }

    [Fact]
    public void Refuses_a_raw_or_empty_or_packed_file_that_is_stated_to_be_qcow2()
    {
        File.WriteAllBytes(this["disk.qcow2"], new byte[4096]);
        Refused("disk.qcow2")
            .Should()
            .Contain("Reason: it is not in qcow2 format\nTry: set MachineSpec.ImageFormat to Raw where it is a raw disk.");
        File.WriteAllBytes(this["disk.qcow2"], []);
        Refused("disk.qcow2").Should().Contain("Reason: it is empty");
        Refused("disk.qcow2", DiskFormat.Raw).Should().Contain("Reason: it is empty");
        File.WriteAllBytes(this["disk.qcow2"], [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]);
        Refused("disk.qcow2").Should().Contain("but xz (it is packed)\nTry: unpack it: xz -dk FILE.");
    }

    [Fact]
    public void Refuses_what_is_no_file()
    {
        Refused("none.raw", DiskFormat.Raw)
            .Should()
            .Contain("Reason: there is no such file\nTry: a relative path begins at the current directory");
        Directory.CreateDirectory(this["folder.raw"]);
        Refused("folder.raw", DiskFormat.Raw).Should().Contain("Reason: it is a folder, not a file");
        Process.Start("mkfifo", [this["pipe.raw"]]).WaitForExit();
        Refused("pipe.raw", DiskFormat.Raw).Should().Contain("Reason: it is a named pipe, not a file");
        File.CreateSymbolicLink(this["link.raw"], "/dev/zero");
        Refused("link.raw", DiskFormat.Raw).Should().Contain("Reason: it is a symbolic link, to '/dev/zero'\nTry: name the file itself.");
        FluentActions
            .Invoking(() => OwnDisk.Open("/dev/zero", "/dev/zero", DiskFormat.Raw))
            .Should()
            .Throw<ImageException>()
            .Which.Message.Should()
            .Contain("Reason: it is a character device, not a file");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public void Lets_no_changed_header_pass_that_QEMU_would_not_open()
    {
        const int Seed = 20261121,
            HeaderBytes = 112;
        File.WriteAllBytes(this["base.raw"], new byte[1024 * 1024]);
        Create("-F", "raw", "-b", "base.raw", this["disk.qcow2"], "1M");
        byte[] good = File.ReadAllBytes(this["disk.qcow2"]);
        var random = new Random(Seed);
        int judged = 0;
        for (int round = 0; round < 2000; round++)
        {
            byte[] bad = [.. good];
            for (int change = random.Next(1, 4); change > 0; change--)
                bad[random.Next(HeaderBytes)] = (byte)random.Next(256);
            File.WriteAllBytes(this["disk.qcow2"], bad);
            try
            {
                OwnDisk.Open("x", this["disk.qcow2"], DiskFormat.Qcow2);
            }
            catch (ImageException)
            {
                continue;
            }

            if (++judged > 30)
                break;
            using Process process = Start("info", "-f", "qcow2", this["disk.qcow2"]);
            process.ExitCode.Should().Be(0, $"round {round} of seed {Seed} passed our check: {Convert.ToHexString(bad[..HeaderBytes])}");
        }

        judged.Should().BePositive();
    }

    private OwnDisk Open(string file, DiskFormat format = DiskFormat.Qcow2) => OwnDisk.Open($"./{file}", this[file], format);

    private string Refused(string file, DiskFormat format = DiskFormat.Qcow2) =>
        FluentActions.Invoking(() => Open(file, format)).Should().Throw<ImageException>().Which.Message;

    // With a backing file that qemu-img itself does not look at.
    private void CreateOn(string backing, string format) => Create("-u", "-F", format, "-b", backing, this["disk.qcow2"], "1M");

    private void Replace(string file, byte[] from, byte[] to)
    {
        byte[] bytes = File.ReadAllBytes(this[file]);
        to.CopyTo(bytes, bytes.AsSpan().IndexOf(from));
        File.WriteAllBytes(this[file], bytes);
    }

    private static void Create(params string[] arguments) => Run(["create", "-q", "-f", "qcow2", .. arguments]);

    private static void Run(params string[] arguments)
    {
        using Process process = Start(arguments);
        process.ExitCode.Should().Be(0, string.Join(' ', arguments));
    }

    private static Process Start(params string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo("qemu-img", arguments) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit(10_000).Should().BeTrue();
        return process;
    }
}
