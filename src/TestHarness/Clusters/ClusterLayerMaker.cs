using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Clusters;

/// <summary>
/// Makes the layer of a cluster: starts one like it with copies of its machines' memory, runs the steps, waits until all are quiet, stops
/// all, and saves each.
/// </summary>
/// <param name="spec">The cluster.</param>
/// <param name="below">What each machine goes on from.</param>
/// <param name="keys">The keys of what is made.</param>
/// <param name="progress">Told what is done.</param>
internal sealed class ClusterLayerMaker(
    ClusterSpec spec,
    IReadOnlyList<Template> below,
    IReadOnlyList<string> keys,
    IProgress<StartProgress>? progress
)
{
    private readonly (string Folder, string Final)[] _folders = new (string, string)[keys.Count];
    private readonly MadeTemplate[] _made = new MadeTemplate[keys.Count];
    private string? _obstacle;

    /// <summary>Makes all, or returns why that can't be done with such a cluster.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="MachineStartException">A step failed.</exception>
    public async Task<string?> MakeAsync(CancellationToken cancellationToken)
    {
        try
        {
            await MakeAsync(0, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (UnfitException)
        {
            return _obstacle;
        }
    }

    // Each template is in the making until all are made.
    private async Task MakeAsync(int index, CancellationToken cancellationToken)
    {
        if (index == keys.Count)
        {
            await MakeAllAsync(cancellationToken).ConfigureAwait(false);
            return;
        }

        using Template made = await TemplateStore
            .ReplaceAsync(
                keys[index],
                async (folder, final, token) =>
                {
                    _folders[index] = (folder, final);
                    await MakeAsync(index + 1, token).ConfigureAwait(false);
                    return _made[index];
                },
                cancellationToken
            )
            .ConfigureAwait(false);
    }

    private async Task MakeAllAsync(CancellationToken cancellationToken)
    {
        var cluster = new Cluster(spec.With(spec.Machines.Select(machine => KeyValuePair.Create(machine.Key, Common(machine.Value)))));
        await using (cluster.ConfigureAwait(false))
        {
            IReadOnlyList<ClusterMember> members = cluster.Members();
            using (Spans.Start("copy"))
            {
                foreach ((int index, ClusterMember member) in members.Index())
                    await GiveAsync(member.Machine, index, cancellationToken).ConfigureAwait(false);
            }

            await new ClusterStart(cluster, progress: null).StartMembersAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await ClusterSetup.RunAsync(cluster, progress, cancellationToken).ConfigureAwait(false);
            }
            catch (TestHarnessException)
            {
                // So that the test that has them keeps their evidence, or holds them.
                foreach (ClusterMember member in members)
                    await member.Machine.ShowAsync().ConfigureAwait(false);
                throw;
            }

            using (Spans.Start("quiet"))
                await Task.WhenAll(
                        members.Select(member =>
                            Quiet.WaitAsync(member.Machine.ProcessId!.Value, TemplateMaker.LongestEndOfBoot, cancellationToken)
                        )
                    )
                    .ConfigureAwait(false);
            using (Spans.Start("save"))
                await SaveAsync(members, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task SaveAsync(IReadOnlyList<ClusterMember> members, CancellationToken cancellationToken)
    {
        await Task.WhenAll(members.Select(member => member.Machine.StopToSaveAsync(cancellationToken))).ConfigureAwait(false);
        foreach ((int index, ClusterMember member) in members.Index())
        {
            (string folder, string final) = _folders[index];
            _obstacle ??= await member.Machine.SaveStoppedAsync(folder, final, cancellationToken).ConfigureAwait(false);
            if (_obstacle is not null)
                throw new UnfitException();
            _made[index] = new MadeTemplate { Layer = new LayerNote(below[index].Identity, "set-up of a cluster", []) };
        }
    }

    private async Task GiveAsync(VirtualMachine machine, int index, CancellationToken cancellationToken)
    {
        string memory = Path.Combine(_folders[index].Folder, TemplateFiles.Memory);
        await MemoryFile.CopyAsync(below[index].Memory, memory, cancellationToken).ConfigureAwait(false);
        await machine.PrepareAsync(cancellationToken).ConfigureAwait(false);
        // It is held for as long as this one is.
        machine.GoOnFrom(TemplateStore.TryOpen(below[index].Key)!, machine, new MemoryFile(memory, Shared: true));
    }

    // The ports are its own for as long as it runs; a fixed one may be another's.
    private static MachineSpec Common(MachineSpec spec) =>
        spec with
        {
            PortForwards = [.. spec.PortForwards.Select(forward => forward with { HostPort = 0 })],
            GuestReaches = [],
            Forkable = false,
            StartRetries = 0,
        };

    /// <summary>A machine of it can't be saved.</summary>
    private sealed class UnfitException : Exception;
}
