using TestHarness;
using TestHarness.Xunit;

namespace Clusters;

/// <summary>A PostgreSQL with two replicas. It is set up once, and each test gets a fresh one that replicates.</summary>
public sealed class ReplicatedDatabase : ClusterFixture
{
    protected override ClusterSpec Spec => ReplicatedSpec.Cluster;
}
