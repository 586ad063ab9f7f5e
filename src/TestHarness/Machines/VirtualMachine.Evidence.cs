using System.Diagnostics;
using System.Threading.Channels;
using TestHarness.Errors;
using TestHarness.Evidence;
using TestHarness.Qemu;

namespace TestHarness;

public sealed partial class VirtualMachine
{
    // QEMU shows nothing while it resets the guest, as after a panic; a failed start is told within 2 seconds of it all the same.
    private static readonly TimeSpan CaptureLimit = TimeSpan.FromSeconds(1);

    // What a reader of the timeline looks for; the others (timer, block jobs, migration steps) are noise.
    private static readonly HashSet<string> NotedEvents =
        new(StringComparer.Ordinal) { "SHUTDOWN", "RESET", "STOP", "RESUME", "GUEST_PANICKED", "WATCHDOG", "BLOCK_IO_ERROR" };

    /// <summary>
    /// Happens for each line that the serial console shows or a command in the guest writes, when it comes, without the secrets and otherwise as the guest wrote it:
    /// escape sequences and all. Each receiver is called apart, in order, never two calls at a time; nothing waits for it but the end of a command, for a second at most. For
    /// lines that one is too slow for (4,096 may wait) it gets a line <c>[… N lines dropped …]</c>. The first exception of each is in the machine's timeline.
    /// </summary>
    public event Action<VirtualMachine, string>? LineReceived
    {
        add
        {
            if (value is not null)
                _record.Followers.Add(value, line => value(this, line));
        }

        remove => _record.Followers.Remove(value);
    }

    /// <summary>Collects what is known of the machine on the host; of one that has ended, too. Asks nothing of the guest.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence; without a screenshot where none can be had within a second.</returns>
    public async Task<MachineEvidence> CollectEvidenceAsync(CancellationToken cancellationToken = default)
    {
        Screenshot? screen = await TryCaptureAsync(CaptureLimit, cancellationToken).ConfigureAwait(false);
        SerialExcerpt excerpt = ExcerptOfSerial();
        return new MachineEvidence(
            Name,
            _record.Mask.Apply(Console.Log.Text, endsCut: true),
            screen,
            _record.Mask.Apply(_process?.StandardError ?? "", endsCut: true),
            _record.Mask.Apply(_process?.CommandLine ?? ""),
            _boot is null ? "" : _record.Mask.Apply(ReproScript.Build(Program, Spec, _boot, Name, _accelerator)))
        {
            SerialExcerpt = $"{excerpt.Label}: {(excerpt.Text.Length > 0 ? $"\n{excerpt.Text}" : excerpt.Words)}",
            Events = _record.Events.ToList(),
            Frames = Screen.Frames.ToList(),
            SerialPorts = _serials.Skip(1).ToDictionary(port => port.Name!, port => _record.Mask.Apply(port.Log.Text, endsCut: true)),
        };
    }

    /// <summary>
    /// Collects what is known of the machine and writes it into a folder (<see cref="MachineEvidence.SaveAsync"/>). A machine that runs is asked for the end of its
    /// journal, for at most 10 seconds, and for the files of <see cref="MachineSpec.CollectOnFailure"/>, for at most 30; they go below <c>files/</c>. Both limits
    /// are longer where the accelerator is slow.
    /// </summary>
    /// <param name="folder">The folder, which is made.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The evidence. What the guest did not give is in its notes.</returns>
    public async Task<MachineEvidence> SaveEvidenceAsync(string folder, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        // First what may be gone a moment later.
        MachineEvidence evidence = await CollectEvidenceAsync(cancellationToken).ConfigureAwait(false);
        string? journal = null;
        List<string> notes = [];
        if (IsUp && _life.State is MachineState.Running)
        {
            var collection = new GuestCollection(_guest, _operations.Scaled, notes);
            using var alive = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ended.Token);
            journal = await collection.ReadJournalAsync(alive.Token).ConfigureAwait(false);
            EvidenceBundle.MakeFolder(folder);
            await collection.CollectFilesAsync(Spec.CollectOnFailure, Path.Combine(folder, EvidenceBundle.GuestFiles), alive.Token).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
        else
        {
            notes.Add("journal and files of the guest: not asked for, because the machine was not running");
        }

        evidence = evidence with
        {
            // It begins with one of its last lines, or where its beginning has been dropped.
            Journal = journal is null ? null : _record.Mask.Apply(journal, beginsCut: true),
            Notes = [.. notes.Select(_operations.WithoutSecrets)],
        };
        await evidence.SaveAsync(folder, cancellationToken).ConfigureAwait(false);
        return evidence;
    }

    private void NoteMonitorEvent(QmpEvent happened)
    {
        if (NotedEvents.Contains(happened.Name))
            _record.NoteQemu($"{happened.Name} {happened.Data}".Trim());
    }

    private async Task<Screenshot?> TryCaptureAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (_instance is not { } instance || instance.Process.Exited.IsCompleted || !QemuArguments.HasDisplay(Spec))
            return null;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(atMost);
        try
        {
            return await Screen.CaptureNowAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // Evidence of a broken machine: what can't be had is left out.
            return null;
        }
    }
}
