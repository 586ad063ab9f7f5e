using TestHarness.Machines;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    /// <summary>
    /// Starts a machine that goes on from a saved one: processes, memory, connections inside the guest, disks, as they were when it was
    /// saved. It becomes an individual before it is returned: clock, random state, machine id, host name.
    /// </summary>
    /// <param name="saved">The saved machine.</param>
    /// <param name="progress">Told each step, on a thread of its own. What it throws ends the start. Default: nobody.</param>
    /// <param name="cancellationToken">Ends the start and removes what there is of the machine.</param>
    /// <returns>The running machine; the caller disposes it.</returns>
    /// <exception cref="SavedMachineException">It is not there any more, is not whole, or can't run on this host.</exception>
    /// <exception cref="HostNotReadyException">The host lacks something.</exception>
    /// <exception cref="MachineStartException">QEMU or the guest did not start.</exception>
    public static async Task<VirtualMachine> StartAsync(
        SavedMachine saved,
        IProgress<StartProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(saved);
        VirtualMachine machine = await saved.DescribeAsync(cancellationToken).ConfigureAwait(false);
        await machine.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        return machine;
    }

    /// <summary>
    /// Makes machines that go on from this very moment: processes, memory, connections inside the guest, disks. Each becomes an individual
    /// before it is returned: clock, random state, machine id, host name. This machine goes on; a paused one takes a few instructions
    /// meanwhile. Commands that run, and what the host has open to it, are this machine's alone, and so are its checkpoints.
    /// </summary>
    /// <param name="count">How many, 1 to 100.</param>
    /// <param name="cancellationToken">Ends it; heirs that are there already are disposed.</param>
    /// <returns>The heirs; the caller disposes each.</returns>
    /// <exception cref="InvalidOperationException">It does not run, or has a share, kept disks, or nothing that answers.</exception>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    /// <exception cref="MachineStartException">An heir did not come up.</exception>
    public Task<VirtualMachine[]> ForkAsync(int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 100);
        return _forks.MakeHeirsAsync(count, cancellationToken);
    }

    /// <summary>
    /// Keeps the machine as it is at this moment, under a name, for machines of this run and of later ones
    /// (<see cref="StartAsync(SavedMachine, IProgress{StartProgress}, CancellationToken)"/>). This machine goes on, as with
    /// <see cref="ForkAsync"/>. What is saved stays in the library's cache until it is deleted (<see cref="SavedMachine.Delete"/>,
    /// <c>testvm saved remove</c>), and has in it all that the guest had in its memory, secrets too.
    /// </summary>
    /// <param name="name">The name: up to 64 letters, digits, <c>.</c>, <c>_</c> and <c>-</c>. One that is there is replaced.</param>
    /// <param name="cancellationToken">Ends it; nothing is kept.</param>
    /// <returns>The saved machine.</returns>
    /// <exception cref="ArgumentException">That is no name.</exception>
    /// <exception cref="HostNotReadyException">It can't be written, or machines run on the one that is to be replaced.</exception>
    /// <exception cref="InvalidOperationException">It does not run, or has a share, kept disks, or nothing that answers.</exception>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task<SavedMachine> SaveAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        SavedStore.RequireName(name);
        return _forks.SaveAsync(name, cancellationToken);
    }

    /// <summary>
    /// Runs a step of a test: makes the checkpoint <c>before NAME</c>, then runs the code. The timeline has the step, and the evidence of a
    /// test that fails says in which one. Where the machine is held then (<c>TESTHARNESS_HOLD</c>), a person can go back to what was before
    /// the step, and run it again. Steps may be nested. Their checkpoints take 2 GiB of the host's disk together at most; the oldest go
    /// first. Where the machine can't have checkpoints, the timeline says so.
    /// </summary>
    /// <param name="name">The step's name, which its checkpoint has as well.</param>
    /// <param name="act">The code; what it throws comes out.</param>
    /// <param name="cancellationToken">Ends the wait for the checkpoint.</param>
    /// <returns>A task for the step.</returns>
    /// <exception cref="MachineExitedException">The machine ended before the step began.</exception>
    public Task StepAsync(string name, Func<Task> act, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(act);
        return _steps.RunAsync(name, act, cancellationToken);
    }

    /// <summary>Leaves the guest and stops it, as it is to be saved as a template's files.</summary>
    internal Task StopToSaveAsync(CancellationToken cancellationToken) => TemplateSaver.StopAsync(_operations, _guest, cancellationToken);

    /// <summary>
    /// Saves the stopped machine as a template's files and ends it. Returns why that can't be done, or <see langword="null"/>.
    /// </summary>
    internal Task<string?> SaveStoppedAsync(string folder, string finalFolder, CancellationToken cancellationToken) =>
        TemplateSaver.SaveAsync(_operations, _keeper, _guest, _checkpoints, SerialPorts, folder, finalFolder, cancellationToken);

    /// <summary>Saves the machine as a template's files and ends it. Returns why that can't be done, or <see langword="null"/>.</summary>
    internal async Task<string?> SaveAsync(string folder, string finalFolder, CancellationToken cancellationToken)
    {
        await StopToSaveAsync(cancellationToken).ConfigureAwait(false);
        return await SaveStoppedAsync(folder, finalFolder, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Finds the template that has all of the machine's own set-up behind it, or <see langword="null"/> where there is none.
    /// </summary>
    internal Task<Template?> FindTemplateAsync(IProgress<StartProgress>? progress, CancellationToken cancellationToken) =>
        _starter.FindTemplateAsync(progress, cancellationToken);

    /// <summary>Finds all that a start needs, and starts nothing.</summary>
    internal Task PrepareAsync(CancellationToken cancellationToken) => _starter.PrepareAsync(progress: null, cancellationToken);

    /// <summary>Says, before the start, what the machine goes on from.</summary>
    /// <param name="template">The template, which goes with the machine.</param>
    /// <param name="like">The machine whose image it has.</param>
    /// <param name="memory">A copy of its memory, where a template is made of the machine.</param>
    internal void GoOnFrom(Template template, VirtualMachine like, MemoryFile? memory = null) =>
        _starter.Given = new GivenStart(memory, template) { Image = like._starter.Plan!.Image };

    /// <summary>What a machine that goes on from this one is described as.</summary>
    /// <exception cref="InvalidOperationException">It can't be saved while it goes on.</exception>
    internal MachineSpec SpecOfHeir() => _forks.SpecOfHeir();

    /// <summary>
    /// Keeps the machine as it is at this moment, for heirs. The caller disposes the template, which goes with the last of them.
    /// </summary>
    internal Task<Template> SaveForHeirsAsync(CancellationToken cancellationToken) => _forks.SaveForHeirsAsync(cancellationToken);
}
