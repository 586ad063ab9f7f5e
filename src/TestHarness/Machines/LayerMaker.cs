using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>
/// Makes a layer: restores the template below with a copy of its memory, runs a step of the set-up, waits until the guest is quiet, and
/// saves it. So a step sees the same machine whether the one before it ran now or long ago.
/// </summary>
internal static class LayerMaker
{
    /// <summary>Makes the files in <paramref name="folder"/>, or says why that can't be done with such a machine.</summary>
    /// <param name="plan">The machine that it is made for.</param>
    /// <param name="index">The step's place in its set-up.</param>
    /// <param name="below">The template below, which goes with the machine.</param>
    /// <param name="folder">Where the files are written.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="progress">Told what is done.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="MachineStartException">The step failed.</exception>
    /// <exception cref="TemplateRefusedException">QEMU refused the template below.</exception>
    public static async Task<MadeTemplate> MakeAsync(
        MachinePlan plan,
        int index,
        Template below,
        string folder,
        string finalFolder,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        MachineSpec spec = plan.Spec;
        TemplateIdentity identity = below.Identity;
        string memory = Path.Combine(folder, TemplateFiles.Memory);
        VirtualMachine machine;
        try
        {
            using (Spans.Start("copy"))
                await MemoryFile.CopyAsync(below.Memory, memory, cancellationToken).ConfigureAwait(false);
            MachineSpec common = spec with
            {
                // The ports are this machine's for as long as it runs; a fixed one may be another's.
                PortForwards = [.. spec.PortForwards.Select(forward => forward with { HostPort = 0 })],
                GuestReaches = [],
                Hostname = QemuArguments.NamesGuest(spec) ? spec.Hostname : null,
                Setup = [],
                Spares = 0,
                Forkable = false,
                StartRetries = 0,
            };
            machine = new VirtualMachine(common, new GivenStart(new MemoryFile(memory, Shared: true), below));
        }
        catch
        {
            below.Dispose();
            throw;
        }

        await using (machine.ConfigureAwait(false))
        {
            await machine.StartAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            var setup = new SetupRunner(machine);
            try
            {
                await setup.RunStepAsync(plan.Setup, index, progress, cancellationToken).ConfigureAwait(false);
            }
            catch (TestHarnessException)
            {
                // So that the test that has it keeps its evidence, or holds it.
                await machine.ShowAsync().ConfigureAwait(false);
                throw;
            }

            using (Spans.Start("quiet"))
                await Quiet.WaitAsync(machine.ProcessId!.Value, TemplateMaker.LongestEndOfBoot, cancellationToken).ConfigureAwait(false);
            using (Spans.Start("save"))
            {
                return new MadeTemplate
                {
                    Obstacle = await machine.SaveAsync(folder, finalFolder, cancellationToken).ConfigureAwait(false),
                    Layer = new LayerNote(identity, machine.Operations.WithoutSecrets(plan.Setup[index].Title), setup.Packages),
                };
            }
        }
    }
}
