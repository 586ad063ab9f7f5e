using System.Security.Cryptography;
using TestHarness.Errors;
using TestHarness.Operations;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>Makes machines that go on from a moment of a running one: at once, or whenever they are wanted.</summary>
/// <param name="machine">What operations need.</param>
/// <param name="saver">What saves it while it goes on.</param>
internal sealed class Forks(MachineOperations machine, LiveSaver saver)
{
    private const int KeyBytes = 8;

    // The disks are written once more, after the guest goes on.
    private static readonly TimeSpan LongestSave = TimeSpan.FromMinutes(10);

    /// <summary>Makes heirs that go on from this moment.</summary>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Ends it, and the heirs.</param>
    /// <exception cref="InvalidOperationException">Such a machine can't be forked.</exception>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    public async Task<VirtualMachine[]> MakeHeirsAsync(int count, CancellationToken cancellationToken)
    {
        MachineSpec spec = SpecOfHeir();
        using Template template = await SaveForHeirsAsync(cancellationToken).ConfigureAwait(false);
        Task<VirtualMachine>[] starts = [.. Enumerable.Range(0, count).Select(_ => StartAsync(spec, template.Key, cancellationToken))];
        try
        {
            return await Task.WhenAll(starts).ConfigureAwait(false);
        }
        catch
        {
            foreach (Task<VirtualMachine> start in starts.Where(start => start.IsCompletedSuccessfully))
                await (await start.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What an heir is described as.</summary>
    /// <exception cref="InvalidOperationException">Such a machine can't be forked.</exception>
    public MachineSpec SpecOfHeir()
    {
        saver.Require("forked");
        return machine.Spec with
        {
            // A fixed port is this machine's.
            PortForwards = [.. machine.Spec.PortForwards.Select(forward => forward with { HostPort = 0 })],
            Spares = 0,
            // A copy of the memory for each would cost more than the fork.
            Forkable = false,
        };
    }

    /// <summary>Keeps the machine as it is at this moment, for heirs. The template goes with the last of them.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    public Task<Template> SaveForHeirsAsync(CancellationToken cancellationToken)
    {
        string key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(KeyBytes));
        return machine.GuardAsync(
            "the machine to be forked",
            machine.Scaled(Standstill.LongestAction),
            token => TemplateStore.KeepAsync(key, MakeAsync, token),
            cancellationToken
        );

        async Task<MadeTemplate> MakeAsync(string folder, string finalFolder, CancellationToken token) =>
            await saver.SaveAsync(folder, finalFolder, token).ConfigureAwait(false) with
            {
                IsFork = true,
            };
    }

    /// <summary>Keeps the machine as it is at this moment, under a name.</summary>
    /// <param name="name">The name; checked.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidOperationException">Such a machine can't be saved.</exception>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    public async Task<SavedMachine> SaveAsync(string name, CancellationToken cancellationToken)
    {
        saver.Require("saved");
        using Template template = await machine
            .GuardAsync(
                $"the machine to be saved as \"{name}\"",
                machine.Scaled(LongestSave),
                token => TemplateStore.ReplaceAsync(SavedStore.KeyOf(name), MakeAsync, token),
                cancellationToken
            )
            .ConfigureAwait(false);
        return new SavedMachine(template.Saved!);

        async Task<MadeTemplate> MakeAsync(string folder, string finalFolder, CancellationToken token)
        {
            MachinePlan plan = saver.Plan;
            MadeTemplate made = await saver.SaveAsync(folder, finalFolder, token).ConfigureAwait(false);
            SavedNote note = await SavedStore
                .DescribeAsync(
                    name,
                    plan.Spec with
                    {
                        Accelerator = plan.Accelerator,
                    },
                    plan.Program,
                    plan.Image,
                    folder,
                    finalFolder,
                    token
                )
                .ConfigureAwait(false);
            return made with { Layer = null, Saved = note };
        }
    }

    /// <summary>Opens what was kept for heirs, once more.</summary>
    /// <exception cref="HostNotReadyException">It is gone.</exception>
    public static Template Open(string key) =>
        TemplateStore.TryOpen(key)
        ?? throw new HostNotReadyException(new FailureText("What was saved of a machine for its heirs is not there any more."));

    private async Task<VirtualMachine> StartAsync(MachineSpec spec, string key, CancellationToken cancellationToken)
    {
        Template template = Open(key);
        var heir = new VirtualMachine(spec, new GivenStart(Memory: null, template) { Image = saver.Plan.Image });
        await heir.StartAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        return heir;
    }
}
