using System.Globalization;
using System.Net;
using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Machines;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Machines;

[Fault(
    "`Clock` lies on the first day of 1970. A guest that is up for longer than that refuses such a time.",
    "It is refused before the start."
)]
public sealed class SpecValidationTests
{
    private static readonly BootFiles Boot = new()
    {
        BackingDisks = ["/disk"],
        Kernel = "/vmlinux",
        Initrd = null,
        KernelArguments = "root=/dev/vda",
        MeasuredArguments = () => "tsc_early_khz=2000000",
    };

    [Fact]
    public void Names_every_mistake_at_once()
    {
        Action make = () =>
            _ = new VirtualMachine(
                new MachineSpec
                {
                    Image = " ",
                    Cpus = 0,
                    MemoryMiB = 1,
                    Hostname = "-bad_",
                    KernelArguments = "a\nb",
                    PortForwards = [new PortForward(0), new PortForward(22), new PortForward(22) { HostPort = 70000 }],
                    Disks = [new Disk(0)],
                    StartTimeout = TimeSpan.Zero,
                }
            );

        make.Should()
            .Throw<ArgumentException>()
            .Which.Message.Should()
            .StartWith("The machine's spec has 10 mistake(s):")
            .And.Contain("Cpus is 0")
            .And.Contain("MemoryMiB is 1")
            .And.Contain("\"-bad_\"")
            .And.Contain("KernelArguments has a line end")
            .And.Contain("guest port 0")
            .And.Contain("host port 70000")
            .And.Contain("22 is there twice")
            .And.Contain("size 0 MiB")
            .And.Contain("StartTimeout");
    }

    [Fact]
    public void Refuses_an_empty_secret_and_a_pattern_that_is_no_absolute_path()
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec { Secrets = ["a", ""], CollectOnFailure = ["/var/crash/*", "*.gcov"] });

        make.Should()
            .Throw<ArgumentException>()
            .Which.Message.Should()
            .StartWith("The machine's spec has 2 mistake(s):")
            .And.Contain("Secrets has an empty text")
            .And.Contain("\"*.gcov\" is not an absolute path");
    }

    [Fact]
    public void Refuses_services_of_the_host_that_the_guest_could_not_reach()
    {
        var host = new IPEndPoint(IPAddress.Loopback, 5000);
        Action make = () =>
            _ = new VirtualMachine(
                new MachineSpec
                {
                    GuestReaches = [new GuestReach("a b", host), new GuestReach(5000, new OtherEndPoint()), new GuestReach(0, host)],
                }
            );

        make.Should()
            .Throw<ArgumentException>()
            .Which.Message.Should()
            .StartWith("The machine's spec has 4 mistake(s):")
            .And.Contain("name \"a b\"")
            .And.Contain("guest port 5000 leads to OtherEndPoint: give an IPEndPoint")
            .And.Contain("guest port 0 is not")
            .And.Contain("guest port 5000 is there twice");
    }

    [Theory]
    [InlineData("1970-01-01T00:00:05Z")]
    [InlineData("1970-01-01T23:59:59Z")]
    [InlineData("2100-01-01T00:00:00Z")]
    public void Refuses_a_clock_that_a_guest_would_refuse(string time)
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec { Clock = DateTimeOffset.Parse(time, CultureInfo.InvariantCulture) });

        make.Should()
            .Throw<ArgumentException>()
            .Which.Message.Should()
            .Contain("Clock is ")
            .And.Contain("1970-01-02 (UTC) to 2099 are possible");
    }

    [Fact]
    public void Counts_the_whole_command_line_of_the_kernel_in_bytes()
    {
        string At(int bytes)
        {
            int others = QemuArguments.KernelLine(new MachineSpec(), Boot, Accelerator.Tcg).Length + " word=\"é\"".Length + 1;
            return $"word=\"é{new string('x', bytes - others)}\"";
        }

        Check(new MachineSpec { KernelArguments = At(2047) }).Should().NotThrow();
        Check(new MachineSpec { KernelArguments = At(2048) })
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*KernelArguments has * bytes, which makes the kernel's command line 2048 bytes long*it takes 2047*");
    }

    [Fact]
    public void Refuses_less_memory_than_the_image_needs()
    {
        Check(new MachineSpec { MemoryMiB = 96 }).Should().NotThrow();
        Check(new MachineSpec { MemoryMiB = 95 })
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*MemoryMiB is 95: the image 'mine' needs at least 96*");
    }

    [Fact]
    public void Accepts_the_defaults()
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec());
        make.Should().NotThrow();
    }

    [Fact]
    public void Names_what_a_project_without_nullable_types_has_left_null()
    {
        Action make = () =>
            _ = new VirtualMachine(
                new MachineSpec
                {
                    Image = null!,
                    KernelArguments = null!,
                    Disks = [new Disk(8), null!],
                    Secrets = null!,
                    GuestReaches = [new GuestReach(80, null!)],
                    CloudInit = new CloudInit { Users = [new CloudUser(null!)] },
                }
            );

        string[] members = ["Image", "KernelArguments", "GuestReaches[0].Host", "Disks[1]", "CloudInit.Users[0].Name", "Secrets"];
        IEnumerable<string> lines = members.Select(member => $"  {member} is null: give it a value, or leave it out.");
        make.Should().Throw<ArgumentException>().WithMessage($"The machine's spec has 6 mistake(s):\n{string.Join('\n', lines)}*");
    }

    [Theory]
    [InlineData("ssh-ed25519 AAAAC")]
    [InlineData("ssh-ed25519")]
    [InlineData("AAAA")]
    public void Wants_a_whole_host_key(string key)
    {
        var access = new SshAccess { HostKey = key };

        Action make = () => _ = new VirtualMachine(new MachineSpec { GuestAccess = GuestAccess.Ssh, Ssh = access });

        make.Should().Throw<ArgumentException>().WithMessage($"*Ssh: HostKey \"{key}\" is not a public key such as*");
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("a secret", "*Ssh: IdentityFile \"*/id\" has no private key that can be used without asking: *passphrase*")]
    [InlineData(null, "*Ssh: IdentityFile \"*/id\" has no private key that can be used without asking: *")]
    public async Task Wants_a_private_key_that_needs_no_passphrase(string? passphrase, string? mistake)
    {
        string folder = Directory.CreateTempSubdirectory().FullName,
            key = Path.Combine(folder, "id");
        try
        {
            if (passphrase is null)
                await File.WriteAllTextAsync(key, "-----BEGIN OPENSSH PRIVATE KEY-----\nnone\n", TestContext.Current.CancellationToken);
            else
                await HelperProgram.RunAsync(
                    "ssh-keygen",
                    ["-q", "-N", passphrase, "-f", key],
                    null,
                    TestContext.Current.CancellationToken
                );
            var access = new SshAccess { IdentityFile = key, HostKey = "ssh-ed25519 AAAA" };

            Action make = () => _ = new VirtualMachine(new MachineSpec { GuestAccess = GuestAccess.Ssh, Ssh = access });

            if (mistake is null)
                make.Should().NotThrow();
            else
                make.Should().Throw<ArgumentException>().WithMessage(mistake);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Action Check(MachineSpec spec) =>
        () =>
            SpecValidation.Check(
                spec,
                new GuestImage
                {
                    Name = "mine",
                    Folder = "/",
                    Key = "k",
                    Architecture = "amd64",
                    KernelArguments = "",
                    MinimumMemoryMiB = 96,
                },
                Boot,
                Accelerator.Tcg
            );

    private sealed class OtherEndPoint : EndPoint;
}
