using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>What is done with all machines of a cluster at one moment.</summary>
[Collection("Clusters")]
public sealed class ClusterSavingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Two checkpoints and a rollback of two machines are some seconds by themselves.
    [Fact]
    public async Task A_cluster_is_put_back_with_its_connections()
    {
        await using Cluster cluster = await Cluster.StartAsync(Pair, cancellationToken: Token);
        await TickAsync(cluster);
        await cluster
            .Awaiting(one => one.RollbackAsync("before", Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*has none*");

        await cluster.CheckpointAsync("before", Token);
        foreach (VirtualMachine vm in cluster.Machines.Values)
            await vm.Shell.RunAsync("touch /after; killall nc; true", cancellationToken: Token);
        await cluster["b"].PauseAsync(Token);
        await cluster.RollbackAsync("before", Token);
        cluster["b"].State.Should().Be(MachineState.Paused, "it was before");
        await cluster["b"].ResumeAsync(Token);

        await RequireTicksAsync(cluster);
        foreach (VirtualMachine vm in cluster.Machines.Values)
            (await vm.Shell.TryRunAsync("test -e /after", cancellationToken: Token)).ExitCode.Should().Be(1);
        await cluster.AddAsync("c", new MachineSpec { Networks = ["lan"] }, cancellationToken: Token);
        await cluster
            .Awaiting(one => one.RollbackAsync("before", Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*c joined after*");
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task A_fork_goes_on_from_the_same_moment_on_networks_of_its_own()
    {
        await using Cluster cluster = await Cluster.StartAsync(Pair, cancellationToken: Token);
        VirtualMachine added = await cluster.AddAsync("c", new MachineSpec { Networks = ["lan", "other"] }, cancellationToken: Token);
        await TickAsync(cluster);
        cluster.Networks["lan"].Isolate("c");
        await added.Shell.RunAsync("touch /dev/shm/before", cancellationToken: Token);

        await using Cluster heir = (await cluster.ForkAsync(1, Token))[0];

        await RequireTicksAsync(cluster);
        await RequireTicksAsync(heir);
        heir["c"].Addresses["other"].ToString().Should().Be(added.Addresses["other"].ToString());
        await heir["c"].Shell.RunAsync("test -e /dev/shm/before", cancellationToken: Token);
        (await heir["a"].Shell.TryRunAsync("ping -c 1 -W 1 c", cancellationToken: Token)).ExitCode.Should().NotBe(0, "it is still cut off");
        heir.Networks["lan"].Heal();
        (await heir["a"].Shell.TryRunAsync("ping -c 1 -W 2 c", cancellationToken: Token)).Should().Succeed();
        (await cluster["a"].Shell.TryRunAsync("ping -c 1 -W 1 c", cancellationToken: Token)).ExitCode.Should().NotBe(0);
        (await heir["a"].Shell.RunAsync("hostname", cancellationToken: Token)).Should().HaveOutput("a");
    }

    [Fact]
    public async Task A_machine_that_goes_on_from_another_one_joins_with_its_own_name_and_address()
    {
        await using Cluster cluster = await Cluster.StartAsync(Pair, cancellationToken: Token);
        await TickAsync(cluster);

        VirtualMachine joined = await cluster.AddForkAsync("c", "b", Token);
        (await joined.Shell.RunAsync("hostname; test -s /dev/shm/got && echo ticked", cancellationToken: Token))
            .Should()
            .HaveOutput("c\nticked");
        (await cluster["a"].Shell.TryRunAsync("ping -c 1 -W 2 c && ping -c 1 -W 2 b", cancellationToken: Token)).Should().Succeed();
        await RequireTicksAsync(cluster);
    }

    private static ClusterSpec Pair =>
        new()
        {
            ["a"] = new MachineSpec { Networks = ["lan"] },
            ["b"] = new MachineSpec { Networks = ["lan"] },
        };

    // A stream from one to the other that never ends; nc ends with its input.
    private static async Task TickAsync(Cluster cluster)
    {
        await cluster["b"]
            .Shell.RunAsync("sleep 9999 2> /dev/null | nc -l -p 7000 > /dev/shm/got 2> /dev/null &", cancellationToken: Token);
        await cluster["a"]
            .Shell.RunAsync("(while :; do echo tick; usleep 100000; done) | nc b 7000 > /dev/null 2>&1 &", cancellationToken: Token);
        await cluster["b"].Shell.WaitUntilSucceedsAsync("test -s /dev/shm/got", cancellationToken: Token);
    }

    private static async Task RequireTicksAsync(Cluster cluster)
    {
        ShellResult before = await cluster["b"].Shell.RunAsync("wc -c < /dev/shm/got", cancellationToken: Token);
        await cluster["b"]
            .Shell.WaitUntilSucceedsAsync($"test $(wc -c < /dev/shm/got) -gt {before.StandardOutput.Trim()}", cancellationToken: Token);
    }
}
