using System.Net;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class SpecValidationTests
{
    [Fact]
    public void Names_every_mistake_at_once()
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec
        {
            Image = " ",
            Cpus = 0,
            MemoryMiB = 1,
            Hostname = "-bad_",
            KernelArguments = "a\nb",
            PortForwards = [new PortForward(0), new PortForward(22), new PortForward(22) { HostPort = 70000 }],
            Disks = [new Disk(0)],
            StartTimeout = TimeSpan.Zero,
        });

        make.Should().Throw<ArgumentException>().Which.Message.Should()
            .StartWith("The machine's spec has 10 mistake(s):")
            .And.Contain("Cpus is 0").And.Contain("MemoryMiB is 1").And.Contain("\"-bad_\"").And.Contain("KernelArguments has a line end")
            .And.Contain("guest port 0").And.Contain("host port 70000").And.Contain("22 is there twice").And.Contain("size 0 MiB").And.Contain("StartTimeout");
    }

    [Fact]
    public void Refuses_an_empty_secret_and_a_pattern_that_is_no_absolute_path()
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec { Secrets = ["a", ""], CollectOnFailure = ["/var/crash/*", "*.gcov"] });

        make.Should().Throw<ArgumentException>().Which.Message.Should()
            .StartWith("The machine's spec has 2 mistake(s):").And.Contain("Secrets has an empty text").And.Contain("\"*.gcov\" is not an absolute path");
    }

    [Fact]
    public void Refuses_services_of_the_host_that_the_guest_could_not_reach()
    {
        var host = new IPEndPoint(IPAddress.Loopback, 5000);
        Action make = () => _ = new VirtualMachine(new MachineSpec { GuestReaches = [new GuestReach("a b", host), new GuestReach(5000, null!), new GuestReach(0, host)] });

        make.Should().Throw<ArgumentException>().Which.Message.Should()
            .StartWith("The machine's spec has 4 mistake(s):").And.Contain("name \"a b\"").And.Contain("guest port 5000 leads to nothing").And.Contain("guest port 0 is not")
            .And.Contain("guest port 5000 is there twice");
    }

    [Fact]
    public void Accepts_the_defaults()
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec());
        make.Should().NotThrow();
    }
}
