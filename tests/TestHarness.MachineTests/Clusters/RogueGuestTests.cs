using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>A guest that floods its network, takes others' addresses and sends what is no frame.</summary>
[Fault(
    "A guest floods its network, sends from other machines' cards, or reaches for the host and for other networks.",
    "The others on the network go on. Frames in another card's name are dropped and counted. Neither host nor other networks are reached."
)]
[Collection("Clusters")]
public sealed class RogueGuestTests(Rogues rogues) : IClassFixture<Rogues>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nobody_else_notices_a_flood()
    {
        VirtualMachine rogue = rogues.Cluster["rogue"];
        long before = Sent();
        // To all, and in fragments.
        await rogue.Shell.RunAsync(
            "for i in 1 2 3; do for to in 10.77.1.255 ff02::1%eth0; do ping -q -i 0.001 -s 20000 $to > /dev/null 2>&1 & done; done",
            cancellationToken: Token
        );

        // By TCP: a socket of ping's gets the flood, too. The SSH server says who it is.
        ShellResult answers = await rogues
            .Cluster["a"]
            .Shell.TryRunAsync("for i in 1 2 3 4 5; do nc -w 5 b 22 < /dev/null | head -c 4; done", cancellationToken: Token);
        await rogue.Shell.RunAsync("killall ping; true", cancellationToken: Token);

        (Sent() - before).Should().BeGreaterThan(1000);
        answers.Should().Succeed().And.HaveOutput("SSH-SSH-SSH-SSH-SSH-");

        long Sent() => rogues.Cluster.Networks["lan"].Traffic["rogue"].FramesSent;
    }

    [Fact]
    public async Task Nobody_gets_a_frame_in_anothers_name()
    {
        VirtualMachine rogue = rogues.Cluster["rogue"],
            b = rogues.Cluster["b"];
        CardAddress taken = b.Addresses["lan"],
            own = rogue.Addresses["lan"];
        await rogue.Shell.RunAsync($"ip link set eth0 address {taken.Mac}", cancellationToken: Token);

        int forged = (await rogue.Shell.TryRunAsync("ping -c 2 -W 1 a", cancellationToken: Token)).ExitCode;
        ShellResult theirs = await rogues.Cluster["a"].Shell.TryRunAsync("ping -c 2 -W 2 b", cancellationToken: Token);
        await rogue.Shell.RunAsync($"ip link set eth0 address {own.Mac}", cancellationToken: Token);

        forged.Should().NotBe(0);
        theirs.Should().Succeed();
        rogues.Cluster.Networks["lan"].Traffic["rogue"].Drops.Should().ContainKey(DropCause.ForgedSource);
        (await rogue.Shell.TryRunAsync("ping -c 1 -W 2 a", cancellationToken: Token)).Should().Succeed();
    }

    [Fact]
    public async Task Neither_the_host_nor_another_network_is_reached()
    {
        VirtualMachine rogue = rogues.Cluster["rogue"];
        await using VirtualMachine far = await rogues.Cluster.AddAsync(
            "far",
            new MachineSpec { Networks = ["other"] },
            cancellationToken: Token
        );
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        CardAddress there = far.Addresses["other"];
        // With a way to everywhere.
        await rogue.Shell.RunAsync("ip route add default dev eth0; ip -6 route add default dev eth0", cancellationToken: Token);

        string[] targets = [$"{there}", $"{there.IPv6}", "10.0.2.2", "10.77.1.1"];
        foreach (string target in targets)
            (await rogue.Shell.TryRunAsync($"ping -c 1 -W 1 {target}", cancellationToken: Token)).ExitCode.Should().NotBe(0, target);
        foreach (string target in (string[])["127.0.0.1", "10.0.2.2", "10.77.1.1", "169.254.169.254"])
            (await rogue.Shell.TryRunAsync($"nc -w 1 {target} {port} < /dev/null", cancellationToken: Token))
                .ExitCode.Should()
                .NotBe(0, target);
        listener.Pending().Should().BeFalse();
        rogues.Cluster.Networks["other"].Traffic["far"].FramesReceived.Should().Be(0);
    }

    [Fact]
    public async Task A_machine_that_is_killed_or_paused_holds_nobody_up()
    {
        VirtualMachine rogue = rogues.Cluster["rogue"];
        await using (
            VirtualMachine killed = await rogues.Cluster.AddAsync("killed", rogue.Spec with { Hostname = null }, cancellationToken: Token)
        )
        {
            await rogues.Cluster["a"].Shell.RunAsync("ping -c 1 -W 2 killed", cancellationToken: Token);
            await killed.KillAsync();
        }

        await rogue.PauseAsync(Token);
        (await rogues.Cluster["a"].Shell.TryRunAsync("ping -c 1 -W 1 killed; ping -c 3 -W 2 -i 0.2 b", cancellationToken: Token))
            .Should()
            .Succeed();
        await rogue.ResumeAsync(Token);
        (await rogue.Shell.TryRunAsync("ping -c 1 -W 2 b", cancellationToken: Token)).Should().Succeed();
    }
}

/// <summary>Two machines and a rogue on a network.</summary>
public sealed class Rogues : ClusterFixture
{
    protected override ClusterSpec Spec =>
        new()
        {
            ["a"] = new MachineSpec { Networks = ["lan"] },
            ["b"] = new MachineSpec { Networks = ["lan"] },
            ["rogue"] = new MachineSpec { Networks = ["lan"] },
        };
}
