using FluentAssertions;
using TestHarness;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;
using static Clusters.ReplicatedSpec;

namespace Clusters;

// The first start installs and sets up for minutes. The next ones take one or two seconds.
[Trait("Speed", "Slow")]
public sealed class ReplicationTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, Cluster(typeof(ReplicatedDatabase))]
    public async Task A_replica_that_was_cut_off_catches_up(Cluster cluster)
    {
        await InsertAsync(cluster["primary"], "one");
        await ArrivesAsync(cluster["replica1"], "one");
        await ArrivesAsync(cluster["replica2"], "one");

        cluster.Networks["lan"].Partition(["primary", "replica1"], ["replica2"]);
        await InsertAsync(cluster["primary"], "two");
        await ArrivesAsync(cluster["replica1"], "two");
        (await cluster["replica2"].Shell.RunAsync($"{Sql} 'select count(*) from words'", cancellationToken: Token))
            .Should()
            .HaveOutput("1");

        cluster.Networks["lan"].Heal();
        await ArrivesAsync(cluster["replica2"], "two");
    }

    [Theory, Cluster(typeof(ReplicatedDatabase))]
    public async Task A_replica_takes_over_from_a_primary_that_is_cut_off(Cluster cluster)
    {
        cluster.Networks["lan"].Isolate("primary");
        await cluster["replica1"].Shell.RunAsync($"{Sql} 'select pg_promote()'", cancellationToken: Token);
        await cluster["replica2"].Shell.RunAsync(Following("replica1"), cancellationToken: Token);
        await InsertAsync(cluster["replica1"], "new");
        await ArrivesAsync(cluster["replica2"], "new");

        // It knows of nothing, and goes on by itself. What it takes now is lost once it follows the new one.
        await InsertAsync(cluster["primary"], "lost");
        cluster.Networks["lan"].Heal();
        await cluster["primary"]
            .Shell.RunAsync(
                """
                set -e
                systemctl stop postgresql@15-main
                runuser -u postgres -- /usr/lib/postgresql/15/bin/pg_rewind -D /var/lib/postgresql/15/main \
                    -c --config-file=/etc/postgresql/15/main/postgresql.conf -R \
                    --source-server='host=replica1 user=postgres dbname=postgres'
                systemctl start postgresql@15-main
                """,
                cancellationToken: Token
            );
        await ArrivesAsync(cluster["primary"], "new");
        (await cluster["primary"].Shell.RunAsync($"{Sql} 'select word from words'", cancellationToken: Token)).Should().HaveOutput("new");
    }

    private static Task<ShellResult> InsertAsync(VirtualMachine database, string word) =>
        database.Shell.RunAsync($"{Sql} \"insert into words values ('{word}')\"", cancellationToken: Token);

    private static Task<ShellResult> ArrivesAsync(VirtualMachine database, string word) =>
        database.Shell.WaitUntilSucceedsAsync($"{Sql} 'select word from words' | grep -qx {word}", cancellationToken: Token);

    private static string Following(string primary) =>
        $"{Sql} \"alter system set primary_conninfo = 'host={primary} user=postgres'\" && {Sql} 'select pg_reload_conf()'";
}
