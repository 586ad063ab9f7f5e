using TestHarness.Machines;
using TestHarness.Networks;
using TestHarness.Templates;

namespace TestHarness.Clusters;

/// <summary>Makes clusters that go on from a moment of a running one, each with networks of its own.</summary>
/// <param name="cluster">The cluster.</param>
/// <param name="standstill">What lets its machines stand still.</param>
internal sealed class ClusterForks(Cluster cluster, ClusterStandstill standstill)
{
    /// <exception cref="InvalidOperationException">One of its machines can't be forked.</exception>
    /// <exception cref="MonitorException">A device can't be saved.</exception>
    public async Task<Cluster[]> MakeHeirsAsync(int count, CancellationToken cancellationToken)
    {
        ClusterSpec spec = SpecOfHeir();
        ClusterMember[] members = [];
        Template[] saved = [];
        DateTimeOffset moment = default;
        List<Cluster> heirs = [];
        try
        {
            await standstill.StandStillAsync(SaveAsync, cancellationToken).ConfigureAwait(false);
            for (int index = 0; index < count; index++)
                heirs.Add(await StartAsync().ConfigureAwait(false));
            return [.. heirs];
        }
        catch
        {
            foreach (Cluster heir in heirs)
                await heir.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            foreach (Template template in saved)
                template.Dispose();
        }

        async Task<DateTimeOffset> SaveAsync(ClusterMember[] all, DateTimeOffset now)
        {
            (members, moment) = (all, now);
            Task<Template>[] saves = [.. all.Select(member => member.Machine.SaveForHeirsAsync(cancellationToken))];
            try
            {
                saved = await Task.WhenAll(saves).ConfigureAwait(false);
            }
            catch
            {
                saved = [.. saves.Where(save => save.IsCompletedSuccessfully).Select(save => save.Result)];
                throw;
            }

            return now;
        }

        async Task<Cluster> StartAsync()
        {
            var heir = new Cluster(spec);
            await heir.BeginAsync(
                    start =>
                    {
                        heir.CopyLinksFrom(cluster);
                        heir.Time.GoOnFrom(moment);
                        foreach ((int index, ClusterMember member) in heir.Members().Index())
                            member.Machine.GoOnFrom(Forks.Open(saved[index].Key), members[index].Machine);
                        return start.StartMembersAsync(cancellationToken);
                    },
                    progress: null
                )
                .ConfigureAwait(false);
            return heir;
        }
    }

    // With the addresses that there are: machines may have joined and left.
    private ClusterSpec SpecOfHeir()
    {
        ClusterMember[] members = cluster.Members();
        IReadOnlyDictionary<string, ClusterNetwork> networks = cluster.Networks;
        return cluster.Spec.With(
            members.Select(member =>
                KeyValuePair.Create(
                    member.Name,
                    member.Machine.SpecOfHeir() with
                    {
                        Networks = [],
                        Cards =
                        [
                            .. member.Cards.Select(card => new Card(card.Network)
                            {
                                Mac = card.Mac,
                                Addresses = card.Addresses,
                                Mtu = card.Mtu,
                            }),
                        ],
                    }
                )
            ),
            members
                .SelectMany(member => member.Cards)
                .DistinctBy(card => card.Network)
                .ToDictionary(
                    card => card.Network,
                    card => networks[card.Network].Spec with { Subnet = card.Subnets[0], Subnet6 = card.Subnets[1] },
                    StringComparer.Ordinal
                )
        );
    }
}
