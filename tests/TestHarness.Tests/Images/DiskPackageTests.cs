using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>A package takes an image to another host as it is, and one that somebody made up does nothing there.</summary>
public sealed class DiskPackageTests : IDisposable
{
    private readonly string _above = Directory.CreateTempSubdirectory("package, ä ").FullName;
    private readonly StoredImages _store;
    private readonly byte[] _disk = StreamTree.Disk(1);

    public DiskPackageTests() => _store = new StoredImages(Path.Combine(_above, "cache"));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Package => Path.Combine(_above, "a package.tar.zst");

    private string this[string file] => Path.Combine(_above, file);

    public void Dispose() => Directory.Delete(_above, recursive: true);

    [Fact]
    public async Task Takes_a_disk_and_what_it_lies_on_to_another_store()
    {
        await File.WriteAllBytesAsync(this["base.raw"], new byte[2 * 1024 * 1024], Token);
        StreamTree.Run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "base.raw", this["top.qcow2"]);
        StreamTree.Run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", this["top.qcow2"]);

        await new DiskPackage(_store, null).WriteDiskAsync(this["top.qcow2"], null, "mine", Package, Token);
        StoredImage image = await ImportAsync(null);

        (image.Name, image.Image.DiskBytes, image.Image.KernelPath).Should().Be(("mine", 2 * 1024 * 1024, null));
        StreamTree.Run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", this["top.qcow2"], image.Image.DiskPath);
        OwnDisk.Open("x", image.Image.DiskPath, DiskFormat.Qcow2).BackingFiles.Should().BeEmpty();
        Convert.ToString((int)File.GetUnixFileMode(image.Image.DiskPath), 8).Should().Be("444");
        FilesButLocks(_above)
            .Should()
            .BeEquivalentTo(
                this["base.raw"],
                this["top.qcow2"],
                Package,
                image.Image.DiskPath,
                Path.Combine(image.Image.Folder, "machine.json")
            );
    }

    [Fact]
    public async Task Takes_a_built_image_with_its_kernel_and_finds_it_by_name()
    {
        string built = Directory.CreateDirectory(this["built"]).FullName;
        await File.WriteAllBytesAsync(Path.Combine(built, "disk.qcow2"), _disk, Token);
        await File.WriteAllTextAsync(Path.Combine(built, "vmlinux"), "kernel", Token);
        await File.WriteAllTextAsync(Path.Combine(built, "initrd"), "initrd", Token);
        var guest = new GuestImage
        {
            Name = "tiny",
            Folder = built,
            Key = "k",
            Architecture = "amd64",
            KernelArguments = "root=/dev/vda rw",
            KernelPath = Path.Combine(built, "vmlinux"),
            InitrdPath = Path.Combine(built, "initrd"),
        };

        await new DiskPackage(_store, null).WriteAsync(new StoredImage(StoredKind.Recipe, guest, [], null), Package, Token);
        Func<Task> ownName = () => ImportAsync(null);
        (await ownName.Should().ThrowAsync<ImageException>()).WithMessage("An image can't be named 'tiny'.*Try: --name NAME");
        StoredImage image = await ImportAsync("tiny-2"),
            again = await ImportAsync("tiny-2");

        _store.FindDisk("tiny-2")!.Image.Should().BeEquivalentTo(image.Image).And.BeEquivalentTo(again.Image);
        (
            image.Image.KernelArguments,
            await File.ReadAllTextAsync(image.Image.KernelPath!, Token),
            await File.ReadAllTextAsync(image.Image.InitrdPath!, Token)
        )
            .Should()
            .Be(("root=/dev/vda rw", "kernel", "initrd"));
        await _store.DeleteAsync(image, Token);
        _store.All().Should().BeEmpty();
        FilesButLocks(_store.Cache).Should().BeEmpty();
    }

    [Fact]
    public async Task Refuses_what_is_no_disk_before_it_writes()
    {
        var package = new DiskPackage(_store, null);
        Func<Task> unknown = () => package.WriteDiskAsync("nothing", null, "mine", Package, Token),
            none = () => package.WriteDiskAsync(this["none.qcow2"], null, "mine", Package, Token);

        (await unknown.Should().ThrowAsync<ImageException>()).WithMessage(
            "'nothing' is neither an image that is there nor a disk whose format is known.*"
        );
        (await none.Should().ThrowAsync<ImageException>()).WithMessage("*there is no such file*");
        File.Exists(Package).Should().BeFalse();
    }

    public static TheoryData<string, string> Bad() =>
        new()
        {
            { "link", "its member 'disk.qcow2' is of type SymbolicLink; a package has files only" },
            { "hard link", "its member 'disk.qcow2' is of type HardLink; a package has files only" },
            { "device", "its member 'disk.qcow2' is of type CharacterDevice; a package has files only" },
            { "folder", "its member 'x/' is of type Directory; a package has files only" },
            { "above", "it has a member '../evil', which machine.json does not name, or a second time" },
            { "absolute", "it has a member '/tmp/evil', which machine.json does not name, or a second time" },
            { "twice", "it has a member 'disk.qcow2', which machine.json does not name, or a second time" },
            { "no disk", "it has no member 'disk.qcow2'" },
            { "disk first", "its first member is 'disk.qcow2' with * bytes, not machine.json with at most 65536" },
            { "longer", "its member 'disk.qcow2' has * bytes, not 7" },
            { "name above", "its machine.json is malformed: its disk is '../disk.qcow2', not 'disk.qcow2'" },
            { "unknown member", "its machine.json is malformed: *ready*" },
            { "elsewhere", "its machine.json says that the disk is elsewhere" },
            { "not JSON", "its machine.json is malformed: *" },
            { "version", "its machine.json is malformed: its version is 2, not 1" },
        };

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task Refuses_a_package_that_has_what_none_has(string kind, string reason)
    {
        (TarEntryType Type, string Name, byte[] Content)[] good = Members();
        (TarEntryType Type, string Name, byte[] Content) json = good[0],
            disk = good[1];
        await MakeAsync(
            kind switch
            {
                "link" => [json, disk with { Type = TarEntryType.SymbolicLink }],
                "hard link" => [json, disk with { Type = TarEntryType.HardLink }],
                "device" => [json, disk with { Type = TarEntryType.CharacterDevice }],
                "folder" => [json, (TarEntryType.Directory, "x/", []), disk],
                "above" => [json, disk with { Name = "../evil" }],
                "absolute" => [json, disk with { Name = "/tmp/evil" }],
                "twice" => [json, disk, disk],
                "no disk" => [json],
                "disk first" => [disk, json],
                "longer" => Members(description => description["disk"]!["size"] = 7),
                "name above" => Members(description => description["disk"]!["name"] = "../disk.qcow2"),
                "unknown member" => Members(description => description["ready"] = "rm -rf /"),
                "elsewhere" => Members(description => description["fetched"] = true),
                "version" => Members(description => description["version"] = 2),
                _ => [json with { Content = Encoding.UTF8.GetBytes("not JSON") }, disk],
            }
        );

        await RefusedAsync($"Package '{Package}': it can't be imported.\nReason: {reason}");
    }

    [Fact]
    public async Task Refuses_another_sum_and_a_disk_that_leads_elsewhere()
    {
        await MakeAsync(Members(description => description["disk"]!["sha256"] = new string('a', 64)));
        await RefusedAsync(
            $"Package '{Package}': its member 'disk.qcow2' is not what it should be.\nSHA-256 wanted: "
                + $"{new string('a', 64)}\nSHA-256 found: {StreamTree.Sum(_disk)}"
        );

        await MakeAsync(Members(disk: StreamTree.Disk(1, "-u", "-F", "raw", "-b", "/etc/passwd")));
        await RefusedAsync("*its backing file is '/etc/passwd': it is not in the disk's own folder*");

        // Beside it there is nothing yet, but what is there later would be read.
        await MakeAsync(Members(disk: StreamTree.Disk(1, "-u", "-F", "raw", "-b", "machine.json")));
        await RefusedAsync("*the disk can't be used.*");

        await MakeAsync(Members(disk: Encoding.UTF8.GetBytes("no disk at all")));
        await RefusedAsync("*the disk can't be used.*");
    }

    [Fact]
    public async Task Refuses_what_there_is_no_room_for_or_that_has_more_than_it_says()
    {
        await MakeAsync(Members());
        Func<Task> full = () => new DiskImport(_store, Package, null) { FreeBytes = _ => 64 * 1024 * 1024 + 1000 }.RunAsync(null, Token);
        (await full.Should().ThrowAsync<ImageException>()).WithMessage($"*its files have {_disk.Length} bytes, and 1000 are free*");

        // A few kilobytes that become a gigabyte of zeros after the members.
        await MakeAsync(Members(), zerosAfter: 1024L * 1024 * 1024);
        await RefusedAsync("*it has more in it than machine.json says");
    }

    [Fact]
    public async Task Refuses_what_is_no_package_or_not_whole()
    {
        await File.WriteAllTextAsync(Package, "no package", Token);
        await RefusedAsync("*it can't be imported.\nReason: zstd says: *");

        await MakeAsync(Members());
        byte[] whole = await File.ReadAllBytesAsync(Package, Token);
        await File.WriteAllBytesAsync(Package, whole[..(whole.Length / 2)], Token);
        await RefusedAsync("*it can't be imported.\nReason: *");

        Func<Task> none = () => new DiskImport(_store, this["none"], null).RunAsync(null, Token),
            device = () => new DiskImport(_store, "/dev/zero", null).RunAsync(null, Token);
        (await none.Should().ThrowAsync<ImageException>()).WithMessage("*there is no such file");
        (await device.Should().ThrowAsync<ImageException>()).WithMessage("*it is not an ordinary file");
    }

    // Some kilobytes, which claim gigabytes between their members.
    [Theory]
    [InlineData('x')]
    [InlineData('g')]
    [InlineData('L')]
    public async Task Takes_no_more_of_what_stands_before_a_member_than_any_has(char type)
    {
        string plain = this["plain.tar"];
        await MakeAsync(Members(json => json["disk"]!["size"] = 3_000_000_000)[..1], keepPlain: true);
        await using (FileStream file = new(plain, FileMode.Open))
        {
            file.Position = 1024;
            byte[] header = new byte[512];
            header[156] = (byte)type;
            Encoding.ASCII.GetBytes(Convert.ToString(2_000_000_000, 8).PadLeft(11, '0')).CopyTo(header, 124);
            Encoding.ASCII.GetBytes($"{Convert.ToString(TarHeader.Checksum(header), 8).PadLeft(6, '0')}\0 ").CopyTo(header, 148);
            file.Write(header);
            file.SetLength(300_000_000);
        }

        StreamTree.Run("zstd", "-q", "-f", plain, "-o", Package);
        File.Delete(plain);
        long before = GC.GetTotalAllocatedBytes();

        Func<Task> import = () => new DiskImport(_store, Package, null) { FreeBytes = _ => long.MaxValue }.RunAsync(null, Token);

        (await import.Should().ThrowAsync<ImageException>()).WithMessage("*a name or attributes of 2000000000 bytes*");
        // What other tests take at the same time is in it, too.
        (GC.GetTotalAllocatedBytes() - before).Should().BeLessThan(1_000_000_000);
    }

    private (TarEntryType Type, string Name, byte[] Content)[] Members(Action<JsonObject>? change = null, byte[]? disk = null)
    {
        disk ??= _disk;
        var description = new DiskDescription
        {
            Name = "mine",
            Architecture = "amd64",
            Format = DiskFormat.Qcow2,
            DiskBytes = 1024 * 1024,
            Disk = new DescribedFile("disk.qcow2", disk.Length, StreamTree.Sum(disk)),
        };
        JsonObject json = JsonNode.Parse(description.ToJson())!.AsObject();
        change?.Invoke(json);
        return
        [
            (TarEntryType.RegularFile, "machine.json", Encoding.UTF8.GetBytes(json.ToJsonString())),
            (TarEntryType.RegularFile, "disk.qcow2", disk),
        ];
    }

    private async Task MakeAsync((TarEntryType Type, string Name, byte[] Content)[] members, long zerosAfter = 0, bool keepPlain = false)
    {
        string plain = this["plain.tar"];
        await using (FileStream file = File.Create(plain))
        {
            await using (var tar = new TarWriter(file, TarEntryFormat.Ustar, leaveOpen: true))
            {
                foreach ((TarEntryType type, string name, byte[] content) in members)
                {
                    var entry = new UstarTarEntry(type, name);
                    if (type == TarEntryType.RegularFile)
                        entry.DataStream = new MemoryStream(content);
                    else if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                        entry.LinkName = "/etc/passwd";
                    await tar.WriteEntryAsync(entry, Token);
                }
            }

            file.SetLength(file.Length + zerosAfter);
        }

        if (keepPlain)
            return;
        StreamTree.Run("zstd", "-q", "-f", plain, "-o", Package);
        File.Delete(plain);
    }

    private Task<StoredImage> ImportAsync(string? name) => new DiskImport(_store, Package, null).RunAsync(name, Token);

    // By name, and with the store as it was.
    private async Task RefusedAsync(string message)
    {
        Func<Task> import = () => ImportAsync(null);
        (await import.Should().ThrowAsync<ImageException>()).WithMessage(message);
        FilesButLocks(_store.Cache).Should().BeEmpty();
        Directory.GetFileSystemEntries(Path.Combine(_store.Cache, "work")).Should().BeEmpty();
    }

    private static string[] FilesButLocks(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))];
}
