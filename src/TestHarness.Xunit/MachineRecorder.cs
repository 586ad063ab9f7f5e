using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Xunit;

namespace TestHarness.Xunit;

/// <summary>Knows which machine belongs to which test, and attaches the evidence of those that a failed test used.</summary>
internal static class MachineRecorder
{
    private static readonly ConcurrentDictionary<VirtualMachine, MachineRecord> Records = new();
    private static readonly ConcurrentDictionary<string, bool> Noted = new();
    private static readonly ConditionalWeakTable<VirtualMachine, object> MachinesOfRows = [];

    static MachineRecorder() => VirtualMachine.Starting += OnStarting;

    /// <summary>Starts watching, once a process.</summary>
    public static void EnsureStarted() => RuntimeHelpers.RunClassConstructor(typeof(MachineRecorder).TypeHandle);

    /// <summary>Remembers that a theory's row owns a machine.</summary>
    public static void AddRow(VirtualMachine machine) => MachinesOfRows.Add(machine, machine);

    public static bool IsRow(VirtualMachine machine) => MachinesOfRows.TryGetValue(machine, out _);

    /// <summary>Attaches the evidence of all machines of the current test if it failed, each once; forgets the machines that were the test's own.</summary>
    public static async Task AttachAsync(ITestContext context, bool failed = false)
    {
        failed |= context.TestState?.Result == TestResult.Failed;
        foreach (MachineRecord record in Records.Values.Where(record => record.IsOf(context)).OrderBy(record => record.Machine.Name, StringComparer.Ordinal))
        {
            if (record.Machine.StartNote is { } note && Noted.TryAdd(note, true))
                context.AddWarning($"Machine '{record.Machine.Name}' {note}");
            if (failed)
                EvidenceAttachments.Add(context, await record.CollectAsync().ConfigureAwait(false));
            if (record.BelongsToTest)
                Records.TryRemove(record.Machine, out _);
        }
    }

    private static void OnStarting(VirtualMachine machine)
    {
        ITestContext context = TestContext.Current;
        var record = new MachineRecord(machine, context);
        Records[machine] = record;
        machine.Stopping += async _ =>
        {
            await record.CollectAsync().ConfigureAwait(false);
            // A shared machine that its fixture ends, after the last test.
            if (TestContext.Current.Test is null)
                Records.TryRemove(machine, out MachineRecord? _);
        };

        // A test that is cancelled or runs into its Timeout ends at once: its machines go, and with them everything that waits for one.
        if (record.BelongsToTest)
            context.CancellationToken.Register(() => Task.Run(() => EndAsync(record, context)).GetAwaiter().GetResult());
    }

    // xunit does not call After for a test that ran into its Timeout; its result is made once the callbacks of the token have run.
    private static async Task EndAsync(MachineRecord record, ITestContext context)
    {
        EvidenceAttachments.Add(context, await record.CollectAsync().ConfigureAwait(false));
        Records.TryRemove(record.Machine, out _);
        // Not waited for: were the test to end on its own before xunit has noted the timeout, it would be reported twice.
        _ = Task.Run(async () => await record.Machine.DisposeAsync().ConfigureAwait(false));
    }
}
