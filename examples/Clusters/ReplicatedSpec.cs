using TestHarness;

namespace Clusters;

/// <summary>A PostgreSQL with two replicas.</summary>
public static class ReplicatedSpec
{
    private static readonly MachineSpec Postgres = new()
    {
        Image = "debian-12",
        Networks = ["lan"],
        Setup = [SetupStep.Install("postgresql")],
    };

    // A former primary can be wound back only with its hints in the log.
    private const string Begin = """
        set -e
        cd /etc/postgresql/15/main
        echo "listen_addresses = '*'" > conf.d/cluster.conf
        echo "wal_log_hints = on" >> conf.d/cluster.conf
        echo "wal_keep_size = 64MB" >> conf.d/cluster.conf
        echo "host all,replication all samenet trust" >> pg_hba.conf
        systemctl restart postgresql@15-main
        """;

    private const string Follow = """
        set -e
        systemctl stop postgresql@15-main
        rm -rf /var/lib/postgresql/15/main
        runuser -u postgres -- pg_basebackup -h primary -D /var/lib/postgresql/15/main -R -c fast
        systemctl start postgresql@15-main
        """;

    /// <summary>The cluster: a primary and two that follow it.</summary>
    public static ClusterSpec Cluster =>
        new()
        {
            ["primary"] = Postgres,
            ["replica1"] = Postgres,
            ["replica2"] = Postgres,
            Setup =
            [
                SetupStep.On("primary", SetupStep.Run(Begin)),
                SetupStep.On("replica1", SetupStep.Run(Begin)),
                SetupStep.On("replica2", SetupStep.Run(Begin)),
                SetupStep.On("primary", SetupStep.Run($"{Sql} 'create table words (word text)'")),
                SetupStep.On("replica1", SetupStep.Run(Follow)),
                SetupStep.On("replica2", SetupStep.Run(Follow)),
                SetupStep.WaitUntil("both replicas stream", async (cluster, cancellationToken) =>
                {
                    string query = $"{Sql} 'select count(*) from pg_stat_replication'";
                    ShellResult result = await cluster["primary"].Shell.RunAsync(query, cancellationToken: cancellationToken);
                    return result.StandardOutput == "2\n";
                }),
            ],
        };

    /// <summary>The command before a statement.</summary>
    public const string Sql = "runuser -u postgres -- psql -qAtc";
}
