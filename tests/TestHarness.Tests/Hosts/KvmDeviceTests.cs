using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

public sealed class KvmDeviceTests : IDisposable
{
    private const int NoSuchDevice = 6;

    private readonly string _folder = Directory.CreateTempSubdirectory("kvm, \"ä ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("missing", "there is no {0}")]
    [InlineData("plain", "{0} is a plain file, not a character device")]
    [InlineData("pipe", "{0} is a named pipe, not a character device")]
    [InlineData("folder", "{0} is a folder, not a character device")]
    [InlineData("link", "there is no {0}")]
    public void Names_what_is_there_in_place_of_the_device(string what, string expected)
    {
        string path = Path.Combine(_folder, what);
        if (what == "plain")
            File.WriteAllText(path, "");
        else if (what == "pipe")
            Native.MakePipe(path);
        else if (what == "folder")
            Directory.CreateDirectory(path);
        else if (what == "link")
            File.CreateSymbolicLink(path, "nowhere");

        var device = KvmDevice.Look(path);

        device.Obstacle.Should().Be(string.Format(System.Globalization.CultureInfo.InvariantCulture, expected, path));
        device.Remedy.Should().Contain("docker run --device /dev/kvm");
    }

    [Fact]
    public void Has_nothing_against_a_character_device_that_opens() =>
        KvmDevice
            .Look("/dev/null")
            .Should()
            .Match<KvmDevice>(device => device.Obstacle == null && device.Group == null && device.Identity.Length > 0);

    // QEMU as the user of the tests: what open(2) says counts. QEMU as another one, because the tests run as root: the permissions do.
    [Theory]
    [InlineData(false, "660", 107, 0, null, null, null)]
    [InlineData(
        false,
        "660",
        107,
        Native.ErrorAccess,
        "can't be opened by this user (mode 660, group 107)",
        "sudo usermod -aG 107 \"$USER\"",
        null
    )]
    [InlineData(
        false,
        "600",
        0,
        Native.ErrorAccess,
        "can't be opened by this user (mode 600, group root)",
        "sudo chgrp kvm /dev/kvm",
        null
    )]
    [InlineData(false, "666", 107, Native.ErrorNotPermitted, "can't be opened (Operation not permitted)", "docker run --device", null)]
    [InlineData(false, "666", 107, NoSuchDevice, "can't be opened (No such device or address)", "dmesg", null)]
    [InlineData(true, "666", 107, 0, null, null, null)]
    [InlineData(true, "660", 107, 0, null, null, 107)]
    [InlineData(
        true,
        "640",
        107,
        0,
        "can't be opened by the unprivileged user that QEMU runs as where the tests run as root (mode 640, group 107)",
        "sudo chmod a+rw /dev/kvm",
        null
    )]
    [InlineData(
        true,
        "660",
        0,
        0,
        "can't be opened by the unprivileged user that QEMU runs as where the tests run as root (mode 660, group root)",
        "sudo chgrp kvm /dev/kvm",
        null
    )]
    [InlineData(true, "666", 107, Native.ErrorNotPermitted, "can't be opened (Operation not permitted)", "docker run --device", null)]
    public void Says_whether_the_user_that_QEMU_runs_as_can_open_it(
        bool otherUser,
        string permissions,
        int group,
        int openError,
        string? obstacle,
        string? remedy,
        int? needed
    )
    {
        var status = new FileStatus((ushort)(0x2000 | Convert.ToInt32(permissions, 8)), 0, (uint)group, "it");

        var device = KvmDevice.Judge("/dev/kvm", status, openError, otherUser);

        device.Group.Should().Be((uint?)needed);
        if (obstacle is null)
        {
            device.Obstacle.Should().BeNull();
        }
        else
        {
            device.Obstacle.Should().Be($"/dev/kvm {obstacle}");
            device.Remedy.Should().Contain(remedy);
        }
    }

    [Fact]
    public void Tells_a_device_from_one_whose_permissions_have_changed()
    {
        string path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "");
        string before = Native.StatusOf(path)!.Value.Identity;
        Native.StatusOf(path)!.Value.Identity.Should().Be(before);
        // The kernel's clock for files may stand still for some milliseconds.
        string after = before;
        for (int i = 0; i < 1000 && after == before; i++)
        {
            File.SetUnixFileMode(path, i % 2 == 0 ? UnixFileMode.UserRead : UnixFileMode.UserWrite);
            after = Native.StatusOf(path)!.Value.Identity;
        }

        after.Should().NotBe(before);
    }
}
