using TestHarness.Access;
using TestHarness.Hosts;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>Saves a machine as a template's files, which ends it.</summary>
internal static class TemplateSaver
{
    /// <summary>Leaves the guest and stops it, as it is to be saved.</summary>
    public static async Task StopAsync(MachineOperations machine, GuestSession guest, CancellationToken cancellationToken)
    {
        await guest.DetachAsync().ConfigureAwait(false);
        await machine.Monitor.ExecuteLongAsync("stop", null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns why that can't be done, or <see langword="null"/>.</summary>
    /// <param name="machine">What operations need; it is stopped.</param>
    /// <param name="keeper">What keeps its QEMU.</param>
    /// <param name="guest">Its guest, which is up.</param>
    /// <param name="checkpoints">Its checkpoints, which end with it.</param>
    /// <param name="serials">Its serial ports, the console first.</param>
    /// <param name="folder">Where the files are written.</param>
    /// <param name="finalFolder">Where they will be.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<string?> SaveAsync(
        MachineOperations machine,
        MachineKeeper keeper,
        GuestSession guest,
        Checkpoints checkpoints,
        IReadOnlyList<SerialConsole> serials,
        string folder,
        string finalFolder,
        CancellationToken cancellationToken
    )
    {
        try
        {
            await Migration
                .SaveAsync(machine.Monitor, machine.Folder, Path.Combine(folder, TemplateFiles.State), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (QmpRefusedException e)
        {
            return e.Message;
        }

        MachineRun run = keeper.Run!;
        await guest.DisposeAsync().ConfigureAwait(false);
        await run.EndQemuAsync().ConfigureAwait(false);
        await keeper.DrainAsync().ConfigureAwait(false);
        foreach ((int index, SerialConsole port) in serials.Index())
            await port.Log.SaveAsync(Path.Combine(folder, TemplateFiles.SerialLog(index)), cancellationToken).ConfigureAwait(false);
        if (run.Plan.UsesSsh)
            new SshFiles(SshDoor.FilesIn(machine.OwnFolder)).CopyTo(SshDoor.FilesIn(folder));
        await TemplateDisks.TakeAsync(machine.Folder, checkpoints.Tags, folder, finalFolder, cancellationToken).ConfigureAwait(false);
        return null;
    }
}
