using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>What users write of clusters, as the design has it.</summary>
[Collection("Clusters")]
public sealed class ClusterContractTests(Shop shop) : IClassFixture<Shop>, IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("capture-");

    public void Dispose() => _folder.Delete(recursive: true);

    // Its layer installs PostgreSQL.
    [Fact, Trait("Speed", "Slow")]
    public async Task Several_machines_on_networks_that_fail()
    {
        await using Cluster cluster = await shop.StartFreshAsync();
        await cluster["web"].Shell.RunAsync("ping -c 1 db");
        cluster.Networks["lan"].Between("web", "db").Set(new LinkConditions { Latency = TimeSpan.FromMilliseconds(50), Loss = 0.01 });
        cluster.Networks["lan"].Partition(["db"], ["web"]);
        (await cluster["web"].Shell.TryRunAsync("ping -c 1 -W 1 db")).ExitCode.Should().Be(1);
        cluster.Networks["lan"].Heal();
        await cluster["web"].Shell.WaitUntilSucceedsAsync("ping -c 1 -W 1 db");
        await cluster.Networks["lan"].SaveCaptureAsync(Path.Combine(_folder.FullName, "lan.pcapng"));

        new FileInfo(Path.Combine(_folder.FullName, "lan.pcapng")).Length.Should().BeGreaterThan(500);
        // Both are there in full: the database, and the names that a Debian resolves.
        (await cluster["db"].Shell.TryRunAsync("runuser -u postgres -- psql -Atc 'select 1'")).Should().Succeed().And.HaveOutput("1");
        (await cluster["web"].Shell.TryRunAsync("getent ahosts db | awk '{print $1}' | sort -u"))
            .Should()
            .Succeed()
            .And.HaveOutput("10.77.1.10\nfd77:7e57:0:1::a");
        (await cluster["web"].Shell.TryRunAsync("ping -6 -c 1 -W 2 db.lan")).Should().Succeed();
    }
}

public sealed class Shop : ClusterFixture
{
    protected override ClusterSpec Spec =>
        new()
        {
            ["db"] = new MachineSpec
            {
                Image = "debian-12",
                Networks = ["lan"],
                Setup = [SetupStep.Install("postgresql")],
            },
            ["web"] = new MachineSpec { Image = "debian-12", Networks = ["lan"] },
        };
}
