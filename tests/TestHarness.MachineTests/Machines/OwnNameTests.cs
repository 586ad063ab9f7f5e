using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>A machine's own name leads to itself, at once.</summary>
[Fault("A program asks for its machine's own name.", "The name resolves to 127.0.1.1 at once, by `/etc/hosts` of the images.")]
public sealed class OwnNameTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tiny", StartMode.Warm)]
    [InlineData("tiny", StartMode.Cold)]
    [InlineData("debian-12", StartMode.Warm)]
    public async Task Resolves_to_an_address_of_the_machines_own(string image, StartMode start)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec
            {
                Image = image,
                Start = start,
                Hostname = "db.shop.test",
            },
            cancellationToken: Token
        );
        var quickly = new ShellOptions { Timeout = TimeSpan.FromSeconds(5) };

        string hosts = (await vm.Shell.RunAsync("grep 127.0.1.1 /etc/hosts", quickly, Token)).StandardOutput;
        hosts.Should().Be("127.0.1.1\tdb.shop.test db\n");
        string ask = image == "tiny" ? "ping -c 1 $(hostname) | head -n 1" : "getent ahosts $(hostname)";
        (await vm.Shell.RunAsync(ask, quickly, Token)).StandardOutput.Should().Contain("127.0.1.1").And.NotContain("fe80");
    }
}
