using System.Runtime.ExceptionServices;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Operations;
using TestHarness.Templates;

namespace TestHarness.Clusters;

/// <summary>
/// Starts the machines of a cluster: from what its set-up has left, or each from its own, and then the steps of the set-up follow.
/// </summary>
/// <param name="cluster">The cluster, which has not started.</param>
/// <param name="progress">Told what is done.</param>
internal sealed class ClusterStart(Cluster cluster, IProgress<StartProgress>? progress)
{
    /// <exception cref="MachineStartException">A machine did not start, or a step failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (cluster.Spec.Setup.Count > 0 && await TryGoOnAsync(cancellationToken).ConfigureAwait(false))
            return;
        await StartMembersAsync(cancellationToken).ConfigureAwait(false);
        await ClusterSetup.RunAsync(cluster, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Starts all machines side by side. Two clusters that each hold a part of the host's room would wait for each other, so one takes all
    /// of its own at a time.
    /// </summary>
    /// <exception cref="MachineStartException">One did not start; the others' starts are ended.</exception>
    public async Task StartMembersAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(cluster.IsDisposed, cluster);
        Ledger.Default.RequireRoom(ClusterRoom.Of(cluster.ToString(), [.. cluster.Members().Select(member => member.Machine.Spec)]));
        using FileLock alone = await Ledger
            .Default.BeginManyAsync(() => progress.Tell("waiting for another cluster to start"), cancellationToken)
            .ConfigureAwait(false);
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? first = null;
        await Task.WhenAll(cluster.Members().Select(StartAsync)).ConfigureAwait(false);
        if (first is not null)
            ExceptionDispatchInfo.Throw(first);

        async Task StartAsync(ClusterMember member)
        {
            try
            {
                await member.Machine.StartAsync(ClusterProgress.Of(member.Name, progress), others.Token).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Those of the others follow from it.
                Interlocked.CompareExchange(ref first, e, null);
                await others.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    // False where the steps have to run in this cluster.
    private async Task<bool> TryGoOnAsync(CancellationToken cancellationToken)
    {
        Template[]? layers = await new ClusterLayers(cluster, progress).FindAsync(cancellationToken).ConfigureAwait(false);
        if (layers is null)
            return false;
        ClusterMember[] members = cluster.Members();
        foreach ((Template layer, ClusterMember member) in layers.Zip(members))
            member.Machine.GoOnFrom(layer, member.Machine);
        cluster.Time.GoOnFrom(layers.Min(layer => layer.SavedAt));
        try
        {
            await StartMembersAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (MachineStartException e) when (e.InnerException is TemplateRefusedException)
        {
            cluster.Time.FollowHost();
            foreach (ClusterMember member in members)
                await member.RenewAsync().ConfigureAwait(false);
            foreach (Template layer in layers)
                TemplateEviction.TryRemove(layer.Folder);
            progress.Tell($"what the cluster's set-up has left is thrown away, and its steps run here: {e.InnerException.Message}");
            return false;
        }
        catch
        {
            // Where it failed before there were machines that hold them.
            foreach (Template layer in layers)
                layer.Dispose();
            throw;
        }
    }
}
