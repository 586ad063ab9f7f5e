using TestHarness.Access;
using TestHarness.Errors;
using TestHarness.Evidence;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Collects what is known of a machine: for its failures, and as evidence of one.</summary>
/// <param name="machine">What operations need.</param>
/// <param name="keeper">What keeps its QEMU.</param>
/// <param name="view">What the test that uses it has to do with its messages.</param>
/// <param name="watch">What looks out for trouble in the guest.</param>
/// <param name="serials">The serial ports, the console first.</param>
/// <param name="screen">The screen.</param>
/// <param name="steps">The steps of the test.</param>
/// <param name="wiring">The networks that it is on, or <see langword="null"/>.</param>
internal sealed class EvidenceCollector(
    MachineOperations machine,
    MachineKeeper keeper,
    TestView view,
    GuestWatch watch,
    IReadOnlyList<SerialConsole> serials,
    Screen screen,
    TestSteps steps,
    Wiring? wiring
)
{
    // QEMU shows nothing while it resets the guest, as after a panic; a failed start is told within 2 seconds of it all the same.
    private static readonly TimeSpan CaptureLimit = TimeSpan.FromSeconds(1);

    private string StandardError => machine.Mask.Apply(keeper.Run?.Process?.StandardError ?? "", endsCut: true);

    private string CommandLine => machine.Mask.Apply(keeper.Run?.Process?.CommandLine ?? "");

    public MachineFacts Facts() =>
        new(machine.Name)
        {
            Serial = Excerpt(),
            StandardError = StandardError,
            CommandLine = CommandLine,
            Networks = wiring?.Words ?? "",
            EvidenceFolder = view.EvidenceFolder,
            Mask = machine.Mask,
        };

    /// <summary>Collects what there is on the host. Asks nothing of the guest.</summary>
    public async Task<MachineEvidence> CollectAsync(CancellationToken cancellationToken)
    {
        Screenshot? picture = await TryCaptureAsync(cancellationToken).ConfigureAwait(false);
        SerialExcerpt excerpt = Excerpt();
        return new MachineEvidence(
            machine.Name,
            machine.Mask.Apply(serials[0].Log.Text, endsCut: true),
            picture,
            StandardError,
            CommandLine,
            keeper.Run?.Plan is { } plan
                ? machine.Mask.Apply(
                    ReproScript.Build(plan.Program, plan.Spec, plan.Boot, machine.Name, plan.Accelerator, plan.Setup.Count > 0)
                )
                : ""
        )
        {
            SerialExcerpt = $"{excerpt.Label}: {(excerpt.Text.Length > 0 ? $"\n{excerpt.Text}" : excerpt.Words)}",
            Step = steps.Last is { } step ? machine.Mask.Apply(Describe(step)) : null,
            Events = machine.Record.Events.ToList(),
            Frames = screen.Frames.ToList(),
            SerialPorts = serials.Skip(1).ToDictionary(port => port.Name!, port => machine.Mask.Apply(port.Log.Text, endsCut: true)),
        };
    }

    /// <summary>Collects what there is on the host and in the guest, and writes it.</summary>
    /// <param name="folder">The folder, which is made.</param>
    /// <param name="guest">The guest that is asked, or <see langword="null"/> where none runs.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<MachineEvidence> SaveAsync(string folder, GuestSession? guest, CancellationToken cancellationToken)
    {
        // First what may be gone a moment later.
        MachineEvidence evidence = await CollectAsync(cancellationToken).ConfigureAwait(false);
        string? journal = null;
        List<string> notes = [];
        if (guest is not null)
        {
            var collection = new GuestCollection(guest, machine.Scaled, notes);
            using var alive = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, keeper.Ended);
            journal = await collection.ReadJournalAsync(alive.Token).ConfigureAwait(false);
            EvidenceBundle.MakeFolder(folder);
            await collection
                .CollectFilesAsync(machine.Spec.CollectOnFailure, Path.Combine(folder, EvidenceBundle.GuestFiles), alive.Token)
                .ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
        else
        {
            notes.Add("journal and files of the guest: not asked for, because the machine was not running");
        }

        evidence = evidence with
        {
            // It begins with one of its last lines, or where its beginning has been dropped.
            Journal = journal is null ? null : machine.Mask.Apply(journal, beginsCut: true),
            Notes = [.. notes.Select(machine.WithoutSecrets)],
        };
        await evidence.SaveAsync(folder, cancellationToken).ConfigureAwait(false);
        foreach (
            (string network, Func<string, CancellationToken, Task> save) in wiring?.Captures
                ?? new Dictionary<string, Func<string, CancellationToken, Task>>()
        )
            await save(Path.Combine(folder, $"network-{network}.pcapng"), cancellationToken).ConfigureAwait(false);
        return evidence;
    }

    /// <summary>Takes a picture of the screen, or none where there is none to be had.</summary>
    public Task<Screenshot?> TryCaptureAsync(CancellationToken cancellationToken) => TryCaptureAsync(CaptureLimit, cancellationToken);

    /// <summary>Takes a picture of the screen within a limit, or none.</summary>
    public async Task<Screenshot?> TryCaptureAsync(TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (keeper.Run?.Instance is not { Process.Exited.IsCompleted: false } || !QemuArguments.HasDisplay(machine.Spec))
            return null;
        using Deadline limit = machine.Time.Limit(atMost, cancellationToken);
        try
        {
            return await screen.CaptureNowAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            // Evidence of a broken machine: what can't be had is left out.
            return null;
        }
    }

    private static string Describe(TestStep step) =>
        $"{step}{(step.Checkpoint is { } before ? $"; the state before it is checkpoint \"{before}\"" : "")}";

    private SerialExcerpt Excerpt() => view.Excerpt(machine.Mask, watch.TellingLine);
}
