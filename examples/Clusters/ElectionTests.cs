using FluentAssertions;
using TestHarness;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace Clusters;

// The first start installs and sets up for minutes. The election itself takes seconds.
[Trait("Speed", "Slow")]
public sealed class ElectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, Cluster(typeof(Sentinels))]
    public async Task A_leader_that_is_cut_off_is_followed_by_one_other(Cluster cluster)
    {
        cluster.Networks["lan"].Isolate("one");

        await cluster["two"]
            .Shell.WaitUntilSucceedsAsync($"! {Leader} | grep -qx {cluster["one"].Addresses["lan"]}", TimeSpan.FromSeconds(60), Token);
        string leader = await OutputOfAsync(cluster["two"], Leader);
        await cluster["three"].Shell.WaitUntilSucceedsAsync($"{Leader} | grep -qx {leader}", cancellationToken: Token);
        string[] roles = [await RoleAsync(cluster["two"]), await RoleAsync(cluster["three"])];
        roles.Should().BeEquivalentTo("master", "slave");

        cluster.Networks["lan"].Heal();
        await cluster["one"].Shell.WaitUntilSucceedsAsync($"{Role} | grep -qx slave", TimeSpan.FromSeconds(60), Token);
        (await OutputOfAsync(cluster["one"], Leader)).Should().Be(leader);
    }

    private const string Leader = "redis-cli -p 26379 sentinel get-master-addr-by-name shop | head -n 1";

    private const string Role = "redis-cli role | head -n 1";

    private static Task<string> RoleAsync(VirtualMachine vm) => OutputOfAsync(vm, Role);

    private static async Task<string> OutputOfAsync(VirtualMachine vm, string command) =>
        (await vm.Shell.RunAsync(command, cancellationToken: Token)).StandardOutput.Trim();
}

/// <summary>Three machines with Redis and its Sentinel, which have found each other.</summary>
public sealed class Sentinels : ClusterFixture
{
    private static readonly MachineSpec Redis = new()
    {
        Image = "debian-12",
        Networks = ["lan"],
        Setup = [SetupStep.Install("redis-server", "redis-sentinel", "redis-tools")],
    };

    // Sentinel takes a leader for gone after 3 s, and the three must agree.
    private const string Join = """
        set -e
        first=$(awk '$2 == "one" || $2 == "one.lan" { print $1; exit }' /etc/hosts)
        own=$(hostname -I | tr ' ' '\n' | grep -m 1 '^10\.')
        printf 'bind 0.0.0.0\nprotected-mode no\n' >> /etc/redis/redis.conf
        [ "$own" = "$first" ] || echo "replicaof $first 6379" >> /etc/redis/redis.conf
        printf 'port 26379\nprotected-mode no\nbind 0.0.0.0\ndir /var/lib/redis\n' > /etc/redis/sentinel.conf
        printf 'sentinel announce-ip "%s"\n' "$own" >> /etc/redis/sentinel.conf
        printf 'sentinel monitor shop %s 6379 2\nsentinel down-after-milliseconds shop 3000\n' "$first" >> /etc/redis/sentinel.conf
        printf 'sentinel failover-timeout shop 20000\n' >> /etc/redis/sentinel.conf
        chown redis:redis /etc/redis/sentinel.conf
        systemctl restart redis-server redis-sentinel
        """;

    protected override ClusterSpec Spec =>
        new()
        {
            ["one"] = Redis,
            ["two"] = Redis,
            ["three"] = Redis,
            Setup =
            [
                SetupStep.On("one", SetupStep.Run(Join)),
                SetupStep.On("two", SetupStep.Run(Join)),
                SetupStep.On("three", SetupStep.Run(Join)),
                SetupStep.WaitUntil("the sentinels know two replicas and each other", async (cluster, cancellationToken) =>
                {
                    const string Ready = "redis-cli -p 26379 info sentinel | grep -q 'status=ok.*slaves=2,sentinels=3'";
                    foreach (VirtualMachine vm in cluster.Machines.Values)
                    {
                        if ((await vm.Shell.TryRunAsync(Ready, cancellationToken: cancellationToken)).ExitCode != 0)
                            return false;
                    }

                    return true;
                }),
            ],
        };
}
