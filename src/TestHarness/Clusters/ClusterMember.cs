using TestHarness.Networks;

namespace TestHarness.Clusters;

/// <summary>A machine of a cluster, and the cables of its cards.</summary>
/// <param name="name">Its name in the cluster.</param>
/// <param name="machine">The machine.</param>
/// <param name="wiring">Where its cards lead.</param>
internal sealed class ClusterMember(string name, VirtualMachine machine, Wiring wiring) : IAsyncDisposable
{
    public string Name => name;

    public VirtualMachine Machine { get; private set; } = machine;

    public IReadOnlyList<CardAddress> Cards => wiring.Cards;

    /// <summary>Pulls the cable of its card on a network, or puts it back.</summary>
    public async Task PlugAsync(string network, bool isPulled, CancellationToken cancellationToken)
    {
        CardCable cable = wiring.Cables[wiring.Cards.ToList().FindIndex(card => card.Network == network)];
        bool wasPulled = cable.IsPulled;
        cable.IsPulled = isPulled;
        try
        {
            await Machine
                .PlugAsync($"the cable on \"{network}\" to be {(isPulled ? "pulled" : "put back")}", cancellationToken)
                .ConfigureAwait(false);
        }
        catch
        {
            cable.IsPulled = wasPulled;
            throw;
        }
    }

    /// <summary>Pulls the cables that are pulled at another machine with the same cards. Before the start.</summary>
    public void CopyCablesFrom(ClusterMember other)
    {
        foreach ((CardCable cable, CardCable its) in wiring.Cables.Zip(other.Cables))
            cable.IsPulled = its.IsPulled;
    }

    private IReadOnlyList<CardCable> Cables => wiring.Cables;

    /// <summary>Puts a machine that has not started in the place of one whose start failed, with the same cables.</summary>
    public async Task RenewAsync()
    {
        await Machine.DisposeAsync().ConfigureAwait(false);
        Machine = new VirtualMachine(Machine.Spec, wiring);
    }

    public async ValueTask DisposeAsync()
    {
        await Machine.DisposeAsync().ConfigureAwait(false);
        foreach (CardCable cable in wiring.Cables)
            cable.Dispose();
    }
}
