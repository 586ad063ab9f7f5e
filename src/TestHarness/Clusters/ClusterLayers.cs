using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Machines;
using TestHarness.Operations;
using TestHarness.Templates;

namespace TestHarness.Clusters;

/// <summary>
/// Finds what the set-up of a cluster has left, a template for each machine, saved while all stood still; or makes it once.
/// </summary>
/// <param name="cluster">The cluster, which has not started.</param>
/// <param name="progress">Told what is done.</param>
internal sealed class ClusterLayers(Cluster cluster, IProgress<StartProgress>? progress)
{
    // Counts up when a cluster is saved in another way.
    private const string Layout = "1";

    // Those that can't be saved, with the reason.
    private static readonly ConcurrentDictionary<string, string> Unfit = new(StringComparer.Ordinal);

    private readonly ClusterMember[] _members = cluster.Members();

    /// <summary>
    /// Returns the templates in the machines' order, which go with the machines; or <see langword="null"/> where the steps have to run in
    /// each cluster.
    /// </summary>
    public async Task<Template[]?> FindAsync(CancellationToken cancellationToken)
    {
        Template?[] below = await Task.WhenAll(
                _members.Select(member => member.Machine.FindTemplateAsync(ClusterProgress.Of(member.Name, progress), cancellationToken))
            )
            .ConfigureAwait(false);
        try
        {
            return Array.IndexOf(below, null) is >= 0 and var boots
                ? RunEachTime($"machine '{_members[boots].Name}' can't be kept as a warm template")
                : await FindAsync(below!, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (Template? template in below)
                template?.Dispose();
        }
    }

    private async Task<Template[]?> FindAsync(Template[] below, CancellationToken cancellationToken)
    {
        string key = KeyOf(below);
        string[] keys = [.. _members.Select(member => Hash([key, member.Name]))];
        if (TryOpen(keys) is { } ready)
            return ready;
        if (Unfit.TryGetValue(key, out string? reason))
            return RunEachTime(reason);
        CacheFolder.Create(CacheFolder.Templates);
        using FileLock alone = await CacheFolder
            .LockAsync(
                Path.Combine(CacheFolder.Templates, $"{key}.lock"),
                owner => progress.Tell($"waiting for {owner}, which sets the cluster up"),
                cancellationToken
            )
            .ConfigureAwait(false);
        if (TryOpen(keys) is { } madeMeanwhile)
            return madeMeanwhile;
        // Those of another machine may have been thrown away since.
        if (Array.FindIndex(keys, TemplateStore.IsInUse) is >= 0 and var used)
            return RunEachTime($"what it has left in machine '{_members[used].Name}' is in use, and not whole in the others");
        try
        {
            var maker = new ClusterLayerMaker(cluster.Spec, below, keys, progress);
            if (await maker.MakeAsync(cancellationToken).ConfigureAwait(false) is not { } obstacle)
                return TryOpen(keys) ?? RunEachTime("what was saved is not there any more");
            Unfit[key] = obstacle;
            return RunEachTime(obstacle);
        }
        catch (TemplateRefusedException e)
        {
            // Each machine's own start throws it away and makes it again.
            return RunEachTime($"QEMU refused what a machine goes on from: {e.Message}");
        }
    }

    // All or none.
    private static Template[]? TryOpen(string[] keys)
    {
        Template?[] open = [.. keys.Select(TemplateStore.TryOpen)];
        if (!open.Contains(null))
            return open!;
        foreach (Template? template in open)
            template?.Dispose();
        return null;
    }

    private Template[]? RunEachTime(string reason)
    {
        progress.Tell($"set-up of the cluster runs at each start, because it can't be kept: {reason}");
        return null;
    }

    // All that decides what the steps leave: the machines, their names and addresses, and the steps.
    private string KeyOf(Template[] below) =>
        Hash([
            Layout,
            .. _members.Zip(below, (member, template) => $"{member.Name} {member.Machine.Spec.Hostname} {template.Identity}"),
            .. _members
                .SelectMany(member => member.Cards)
                .Select(card => $"{card.Network} {card.Mac} {card.Mtu} {string.Join(' ', card.Addresses)}"),
            .. cluster.Spec.Setup.SelectMany((step, index) => LayerKeys.ContentOf(step, index)),
        ]);

    private static string Hash(IEnumerable<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..16];
}
