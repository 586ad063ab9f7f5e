using System.Security.Cryptography;
using TestHarness.Access;
using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>
/// Saves a running machine as a template, from which heirs go on, and lets it go on itself. Its disks are copied; its memory is, too, where
/// it is in a file of its own, and else goes through a second QEMU, for nothing but a migration reads it.
/// </summary>
/// <param name="machine">What operations need.</param>
/// <param name="keeper">What keeps its QEMU.</param>
/// <param name="standstill">What stops it and lets it go on.</param>
/// <param name="serials">Its serial ports, the console first.</param>
internal sealed class Forks(MachineOperations machine, MachineKeeper keeper, Standstill standstill, IReadOnlyList<SerialConsole> serials)
{
    private const int KeyBytes = 8;

    /// <summary>Makes heirs that go on from this moment.</summary>
    /// <param name="count">How many.</param>
    /// <param name="cancellationToken">Ends it, and the heirs.</param>
    /// <exception cref="InvalidOperationException">Such a machine can't be forked.</exception>
    /// <exception cref="MonitorException">A device of it can't be saved.</exception>
    public async Task<VirtualMachine[]> MakeHeirsAsync(int count, CancellationToken cancellationToken)
    {
        if (FindObstacle() is { } obstacle)
            throw new InvalidOperationException($"Machine '{machine.Name}' can't be forked: {obstacle}.");
        MachineSpec spec = machine.Spec with
        {
            // A fixed port is this machine's.
            PortForwards = [.. machine.Spec.PortForwards.Select(forward => forward with { HostPort = 0 })],
            Spares = 0,
        };
        string key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(KeyBytes));
        using Template template = await machine
            .GuardAsync("the machine to be forked", machine.Scaled(Standstill.LongestAction), SaveAsync, cancellationToken)
            .ConfigureAwait(false);
        Task<VirtualMachine>[] starts = [.. Enumerable.Range(0, count).Select(_ => StartAsync(spec, key, cancellationToken))];
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

        async Task<Template> SaveAsync(CancellationToken token)
        {
            Template? saved = null;
            await standstill
                .StandStillAsync(async inner => saved = await TemplateStore.KeepAsync(key, MakeAsync, inner).ConfigureAwait(false), token)
                .ConfigureAwait(false);
            return saved!;
        }
    }

    private static async Task<VirtualMachine> StartAsync(MachineSpec spec, string key, CancellationToken cancellationToken)
    {
        Template template = TemplateStore.TryOpen(key)
            ?? throw new HostNotReadyException(new FailureText("What was saved of a machine for its heirs is not there any more."));
        var heir = new VirtualMachine(spec, new GivenStart(Memory: null, template));
        await heir.StartAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        return heir;
    }

    private string? FindObstacle() =>
        machine.State is not (MachineState.Running or MachineState.Paused) ? $"it is {machine.State}"
        : machine.Spec.Shares.Count > 0 ? "it has a share of the host mounted (MachineSpec.Shares)"
        : machine.Spec.DiskFolder is not null ? "its disks are kept (MachineSpec.DiskFolder)"
        : machine.Spec.GuestAccess == GuestAccess.None ? "nothing in its guest answers, so its heirs could not be told apart"
        : null;

    private async Task<MadeTemplate> MakeAsync(string folder, string finalFolder, CancellationToken cancellationToken)
    {
        MachineRun run = keeper.Run!;
        foreach ((int index, SerialConsole port) in serials.Index())
            await port.Log.SaveAsync(Path.Combine(folder, TemplateFiles.SerialLog(index)), cancellationToken).ConfigureAwait(false);
        if (run.Plan.UsesSsh)
            new SshFiles(SshDoor.FilesIn(machine.OwnFolder)).CopyTo(SshDoor.FilesIn(folder));
        string memory = Path.Combine(folder, TemplateFiles.Memory);
        string state = Path.Combine(folder, TemplateFiles.State);
        if (run.Plan.Boot.Memory is { Shared: true } own)
        {
            await Migration.SaveAsync(machine.Monitor, machine.Folder, state, cancellationToken).ConfigureAwait(false);
            await MemoryFile.CopyAsync(own.Path, memory, cancellationToken).ConfigureAwait(false);
            await TemplateDisks.TakeAsync(machine.Folder, folder, finalFolder, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await TemplateDisks.TakeAsync(machine.Folder, folder, finalFolder, cancellationToken).ConfigureAwait(false);
            await PassOnAsync(run.Plan, folder, MemoryFile.Create(memory, machine.Spec.MemoryMiB * 1024L * 1024L), state, cancellationToken)
                .ConfigureAwait(false);
        }

        return new MadeTemplate { IsFork = true, Layer = run.Template is { } below ? new LayerNote(below.Identity, "fork", []) : null };
    }

    // The second QEMU is never let go on: it takes the machine, and saves it in its turn.
    private async Task PassOnAsync(MachinePlan plan, string folder, MemoryFile memory, string state, CancellationToken cancellationToken)
    {
        using IDisposable room = await Ledger
            .Default.TakeAsync(
                new LedgerRequest($"{machine.Name} (fork)", machine.Spec.MemoryMiB, 1),
                TimeSpan.Zero,
                _ => { },
                cancellationToken
            )
            .ConfigureAwait(false);
        MachinePlan second = plan.ToReceive(folder, memory);
        string place = RunFolder.CreateForMachine();
        try
        {
            Template.CopyOverlays(folder, place);
            QemuInstance receiver = await QemuInstance
                .StartAsync(
                    second.Program,
                    second.Arguments($"{machine.Name}-fork"),
                    place,
                    second.Boot.HasGuestAgentPort,
                    serialPorts: serials.Count,
                    second.Choice.DeviceGroup,
                    _ => { },
                    _ => { },
                    cancellationToken
                )
                .ConfigureAwait(false);
            await using (receiver.ConfigureAwait(false))
            {
                await Migration
                    .CopyAsync(machine.Monitor, machine.Folder, receiver.Monitor, place, cancellationToken)
                    .ConfigureAwait(false);
                await Migration.SaveAsync(receiver.Monitor, place, state, cancellationToken).ConfigureAwait(false);
            }

            foreach (SerialPipe serial in receiver.Serials)
                serial.Dispose();
        }
        finally
        {
            RunFolder.Remove(place);
        }
    }
}
