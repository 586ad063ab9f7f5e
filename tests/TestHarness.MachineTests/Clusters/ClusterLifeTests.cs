using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>Clusters that begin, grow, and don't come up.</summary>
[Fault(
    "One machine of a cluster does not start. The cluster needs more than the host has.",
    "The failure is that machine's, and no other one is left. What can never fit is refused at once."
)]
[Collection("Clusters")]
public sealed class ClusterLifeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_machine_that_joins_is_known_by_name_at_once()
    {
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec { ["one"] = new MachineSpec { Networks = ["lan"] } },
            cancellationToken: Token
        );

        VirtualMachine two = await cluster.AddAsync("two", new MachineSpec { Networks = ["lan", "storage"] }, cancellationToken: Token);

        (await cluster["one"].Shell.TryRunAsync("ping -c 1 -W 2 two", cancellationToken: Token)).Should().Succeed();
        (await two.Shell.TryRunAsync("ping -c 1 -W 2 one", cancellationToken: Token)).Should().Succeed();
        (await cluster["one"].Shell.TryRunAsync("ping -c 1 -W 1 two.storage", cancellationToken: Token)).ExitCode.Should().NotBe(0);
        two.Addresses.Keys.Should().BeEquivalentTo("lan", "storage");
    }

    [Fact]
    public async Task A_machine_that_is_put_back_or_went_on_from_a_pause_knows_who_joined_meanwhile()
    {
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec
            {
                ["back"] = new MachineSpec { Networks = ["lan"] },
                ["paused"] = new MachineSpec { Networks = ["lan"] },
            },
            cancellationToken: Token
        );
        await cluster["back"].CheckpointAsync("before", Token);
        await cluster.Networks["lan"].UnplugAsync("back", Token);
        await cluster["paused"].PauseAsync(Token);
        VirtualMachine joined = await cluster.AddAsync("joined", new MachineSpec { Networks = ["lan"] }, cancellationToken: Token);

        await cluster["back"].RollbackAsync("before", Token);
        await cluster["paused"].ResumeAsync(Token);

        // As it is now, and not as it was.
        (await cluster["back"].Shell.RunAsync("cat /sys/class/net/eth0/carrier", cancellationToken: Token)).Should().HaveOutput("0");
        await cluster.Networks["lan"].PlugAsync("back", Token);
        foreach (string name in (string[])["back", "paused"])
        {
            (await cluster[name].Shell.TryRunAsync("ping -c 1 -W 2 joined", cancellationToken: Token)).Should().Succeed(name);
            (await joined.Shell.TryRunAsync($"ping -c 1 -W 2 {name}", cancellationToken: Token)).Should().Succeed(name);
        }
    }

    [Fact]
    public async Task Where_one_machine_does_not_start_none_is_left_and_the_failure_is_that_ones()
    {
        var spec = new ClusterSpec
        {
            ["good"] = new MachineSpec { Networks = ["lan"] },
            ["bad"] = new MachineSpec { Networks = ["lan"], ExtraQemuArguments = ["-no-such-option"] },
        };
        var cluster = new Cluster(spec);

        (await cluster.Awaiting(one => one.StartAsync(cancellationToken: Token)).Should().ThrowAsync<MachineStartException>()).WithMessage(
            "*-no-such-option*"
        );
        cluster["good"].State.Should().Be(MachineState.Stopped);
        await cluster
            .Awaiting(one => one.AddAsync("more", new MachineSpec(), cancellationToken: Token))
            .Should()
            .ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task Steps_of_the_cluster_run_on_their_machines_and_one_that_fails_says_where()
    {
        int asked = 0;
        var spec = new ClusterSpec
        {
            ["a"] = new MachineSpec { Networks = ["lan"] },
            ["b"] = new MachineSpec { Networks = ["lan"] },
            Setup =
            [
                SetupStep.On("b", SetupStep.Run("ping -c 1 -W 2 a && touch /tmp/b-was-here")),
                SetupStep.WaitUntil("b was there", async (cluster, token) =>
                    ++asked > 2 && (await cluster["b"].Shell.TryRunAsync("test -e /tmp/b-was-here", cancellationToken: token)).ExitCode == 0
                ),
                SetupStep.On("a", SetupStep.Run("exit 7")),
            ],
        };

        (
            await FluentActions
                .Awaiting(() => Cluster.StartAsync(spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineStartException>()
        ).WithMessage("*'a-*set-up 3 of 3: a: run exit 7*code 7*");
        asked.Should().Be(3);
    }

    [Fact]
    public async Task A_fork_of_a_machine_that_has_booted_has_cards_and_addresses_of_its_own()
    {
        await using Cluster cluster = await Cluster.StartAsync(
            new ClusterSpec
            {
                ["a"] = new MachineSpec { Networks = ["lan"] },
                ["b"] = new MachineSpec { Networks = ["lan"] },
            },
            cancellationToken: Token
        );
        VirtualMachine b = cluster["b"];
        await b.RebootAsync(cancellationToken: Token);

        VirtualMachine[] heirs = await b.ForkAsync(1, Token);
        await using VirtualMachine heir = heirs[0];

        CardAddress own = heir.Addresses["lan"];
        own.Mac.Should().NotBe(b.Addresses["lan"].Mac);
        string addresses = (await heir.Shell.RunAsync("ip addr show eth0", cancellationToken: Token)).StandardOutput;
        addresses.Should().Contain($"{own.Mac}").And.Contain($"{own}/").And.NotContain($"{b.Addresses["lan"]}/");
        (await cluster["a"].Shell.TryRunAsync("ping -c 1 -W 2 b", cancellationToken: Token)).Should().Succeed();
    }

    [Fact]
    public async Task A_machine_that_joins_too_early_or_with_mistakes_leaves_nothing()
    {
        await using var cluster = new Cluster(new ClusterSpec { ["a"] = new MachineSpec { Networks = ["lan"] } });
        await cluster
            .Awaiting(one => one.AddAsync("b", new MachineSpec { Networks = ["lan"] }, cancellationToken: Token))
            .Should()
            .ThrowAsync<InvalidOperationException>();
        await cluster.StartAsync(cancellationToken: Token);
        await cluster
            .Awaiting(one => one.AddAsync("b", new MachineSpec { Networks = ["lan", "lan"], Cpus = 0 }, cancellationToken: Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*\"b\"*Cpus is 0*\"lan\" is there twice*");

        VirtualMachine b = await cluster.AddAsync("b", new MachineSpec { Networks = ["lan"] }, cancellationToken: Token);

        $"{b.Addresses["lan"]}".Should().Be("10.77.1.11");
        (await b.Shell.TryRunAsync("ping -c 1 -W 2 a", cancellationToken: Token)).Should().Succeed();
    }

    [Fact]
    public async Task A_cluster_that_the_host_has_no_room_for_is_refused_at_once()
    {
        var one = new MachineSpec { Networks = ["lan"], Cpus = 200 };

        (
            await FluentActions
                .Awaiting(() => Cluster.StartAsync(new ClusterSpec { ["a"] = one, ["b"] = one }, cancellationToken: Token))
                .Should()
                .ThrowAsync<HostNotReadyException>()
        ).WithMessage("Cluster 'a, b' wants*400*");
    }
}
