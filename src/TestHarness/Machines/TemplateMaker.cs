using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>Makes a template: boots a machine of the spec with its memory in a file, waits until it is ready, and saves it.</summary>
internal static class TemplateMaker
{
    // What a guest had left to do when it was saved every machine restored from it would do again: for Debian a second of processor time
    // after the boot, and 40 MiB of translated code each.
    public static readonly TimeSpan LongestEndOfBoot = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Makes the files in <paramref name="folder"/>, or says why that can't be done with such a machine.
    /// </summary>
    public static async Task<MadeTemplate> MakeAsync(
        MachineSpec spec,
        string folder,
        string finalFolder,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        progress?.Report(new StartProgress("template is made (once for machines like this one)"));
        MemoryFile memory = MemoryFile.Create(Path.Combine(folder, TemplateFiles.Memory), spec.MemoryMiB * 1024L * 1024L);
        // What is one machine's own is given to it after it is restored.
        MachineSpec common = spec with
        {
            Start = StartMode.Cold,
            PortForwards = [],
            Hostname = QemuArguments.NamesGuest(spec) ? spec.Hostname : null,
            Setup = [],
            Forkable = false,
        };
        var machine = new VirtualMachine(common, new GivenStart(memory, Template: null));
        await using (machine.ConfigureAwait(false))
        {
            await machine.StartAsync(progress, cancellationToken).ConfigureAwait(false);
            // So that the files that a command's start reads are in the guest's memory.
            await machine.Shell.RunAsync("uname; true", cancellationToken: cancellationToken).ConfigureAwait(false);
            using (Spans.Start("quiet"))
                await Quiet.WaitAsync(machine.ProcessId!.Value, LongestEndOfBoot, cancellationToken).ConfigureAwait(false);
            using (Spans.Start("save"))
                return new MadeTemplate
                {
                    Obstacle = await machine.SaveAsync(folder, finalFolder, cancellationToken).ConfigureAwait(false),
                };
        }
    }
}
