using TestHarness.Hosts;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>
/// Saves a running machine as a template's files, and lets it go on. Its disks are copied; its memory is, too, where it is in a file of its
/// own, and else goes through a second QEMU, for nothing but a migration reads it.
/// </summary>
/// <param name="machine">What operations need.</param>
/// <param name="keeper">What keeps its QEMU.</param>
/// <param name="standstill">What stops it and lets it go on.</param>
/// <param name="checkpoints">Its checkpoints, which are its own alone.</param>
/// <param name="serials">Its serial ports, the console first.</param>
internal sealed class LiveSaver(
    MachineOperations machine,
    MachineKeeper keeper,
    Standstill standstill,
    Checkpoints checkpoints,
    IReadOnlyList<SerialConsole> serials
)
{
    // For room: others may wait for what this machine holds.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>What the machine goes by.</summary>
    public MachinePlan Plan => keeper.Run!.Plan;

    /// <summary>Refuses a machine that can't be saved while it goes on.</summary>
    /// <param name="done">What was to be done with it: <c>forked</c>.</param>
    /// <exception cref="InvalidOperationException">It is such a machine.</exception>
    public void Require(string done)
    {
        string? obstacle =
            machine.State is not (MachineState.Running or MachineState.Paused) ? $"it is {machine.State}"
            : machine.Spec.Shares.Count > 0 ? "it has a share of the host mounted (MachineSpec.Shares)"
            : machine.Spec.DiskFolder is not null ? "its disks are kept (MachineSpec.DiskFolder)"
            : machine.Spec.GuestAccess == GuestAccess.None ? "nothing in its guest answers, so what goes on from it could not be told apart"
            : null;
        if (obstacle is not null)
            throw new InvalidOperationException($"Machine '{machine.Name}' can't be {done}: {obstacle}.");
    }

    /// <summary>Makes the files. The guest stands still while its memory and its disks are copied.</summary>
    /// <param name="folder">Where they are written.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="MonitorException">A device can't be saved.</exception>
    public async Task<MadeTemplate> SaveAsync(string folder, string finalFolder, CancellationToken cancellationToken)
    {
        MachineRun run = keeper.Run!;
        string memory = Path.Combine(folder, TemplateFiles.Memory),
            state = Path.Combine(folder, TemplateFiles.State);
        if (run.Plan.Boot.Memory is { Shared: true } own)
            await standstill
                .StandStillAsync(
                    async token =>
                    {
                        await Migration.SaveAsync(machine.Monitor, machine.Folder, state, token).ConfigureAwait(false);
                        await MemoryFile.CopyAsync(own.Path, memory, token).ConfigureAwait(false);
                        await TakeRestAsync(run, folder, finalFolder, token).ConfigureAwait(false);
                    },
                    cancellationToken
                )
                .ConfigureAwait(false);
        else
            await PassOnAsync(run, memory, state, token => TakeRestAsync(run, folder, finalFolder, token), cancellationToken)
                .ConfigureAwait(false);
        return new MadeTemplate
        {
            Layer = run.Template is { } below ? new LayerNote(below.Identity, "fork", []) : null,
            Cards = [.. run.Plan.Cards.Select(card => $"{card.Mac}")],
        };
    }

    private async Task TakeRestAsync(MachineRun run, string folder, string finalFolder, CancellationToken cancellationToken)
    {
        foreach ((int index, SerialConsole port) in serials.Index())
            await port.Log.SaveAsync(Path.Combine(folder, TemplateFiles.SerialLog(index)), cancellationToken).ConfigureAwait(false);
        if (run.Plan.UsesSsh)
            new SshFiles(SshDoor.FilesIn(machine.OwnFolder)).CopyTo(SshDoor.FilesIn(folder));
        await TemplateDisks.TakeAsync(machine.Folder, checkpoints.Tags, folder, finalFolder, cancellationToken).ConfigureAwait(false);
    }

    // The second QEMU is never let go on: it takes the machine, and saves it in its turn, while the guest goes on already.
    private async Task PassOnAsync(
        MachineRun run,
        string memory,
        string state,
        Func<CancellationToken, Task> takeRest,
        CancellationToken cancellationToken
    )
    {
        using IDisposable room = await Ledger
            .Default.TakeAsync(
                // It executes nothing.
                new LedgerRequest($"{machine.Name} (being saved)", machine.Spec.MemoryMiB, Cpus: 0),
                LongestWait,
                _ => { },
                cancellationToken
            )
            .ConfigureAwait(false);
        MemoryFile file = MemoryFile.Create(memory, machine.Spec.MemoryMiB * 1024L * 1024L);
        MachinePlan second = run.Plan.ToReceive(file);
        string place = RunFolder.CreateForMachine();
        try
        {
            await run.MakeEmptyDisksAsync(place, cancellationToken).ConfigureAwait(false);
            QemuInstance receiver = await QemuInstance
                .StartAsync(
                    second.Program,
                    second.Arguments($"{machine.Name}-saved"),
                    place,
                    second.Boot.HasGuestAgentPort,
                    serialPorts: serials.Count,
                    second.Cards,
                    second.Choice.DeviceGroup,
                    _ => { },
                    _ => { },
                    cancellationToken
                )
                .ConfigureAwait(false);
            try
            {
                await using (receiver.ConfigureAwait(false))
                {
                    await standstill
                        .StandStillAsync(
                            async token =>
                            {
                                await Migration
                                    .CopyAsync(machine.Monitor, machine.Folder, receiver.Monitor, place, file, token)
                                    .ConfigureAwait(false);
                                await takeRest(token).ConfigureAwait(false);
                            },
                            cancellationToken
                        )
                        .ConfigureAwait(false);
                    await Migration.SaveAsync(receiver.Monitor, place, state, cancellationToken).ConfigureAwait(false);
                }
            }
            finally
            {
                foreach (SerialPipe serial in receiver.Serials)
                    serial.Dispose();
            }
        }
        finally
        {
            RunFolder.Remove(place);
        }
    }
}
