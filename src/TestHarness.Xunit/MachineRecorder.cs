using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>Knows which machine belongs to which test, and keeps the evidence of those that a failed test used.</summary>
internal static class MachineRecorder
{
    private static readonly ConcurrentDictionary<VirtualMachine, MachineRecord> Records = new();
    private static readonly ConcurrentDictionary<string, bool> Noted = new();
    private static readonly ConcurrentDictionary<string, bool> Begun = new(StringComparer.Ordinal);
    private static readonly ConditionalWeakTable<VirtualMachine, MachineRow> MachinesOfRows = [];

    static MachineRecorder()
    {
        VirtualMachine.Starting += OnStarting;
        GoldenRecorder.Start();
        ThrownExceptions.Watch(OnException);
    }

    /// <summary>Starts watching, once a process.</summary>
    public static void EnsureStarted() => RuntimeHelpers.RunClassConstructor(typeof(MachineRecorder).TypeHandle);

    /// <summary>Remembers that a theory's row owns a machine.</summary>
    public static void AddRow(VirtualMachine machine, MachineRow row) => MachinesOfRows.Add(machine, row);

    /// <summary>Returns the row that owns a machine, or <see langword="null"/>.</summary>
    public static MachineRow? RowOf(VirtualMachine machine) => MachinesOfRows.TryGetValue(machine, out MachineRow? row) ? row : null;

    /// <summary>Remembers that a test begins: lines of shared machines go to its output.</summary>
    public static void Begin(ITestContext context)
    {
        if (context.Test is { } test)
            Begun[test.UniqueID] = true;
        TestsAhead.Begin(context);
        foreach (MachineRecord record in RecordsOf(context))
        {
            record.BeginTest(context);
            Tell(record);
        }
    }

    /// <summary>
    /// Looks at the result of the current test: if it failed, keeps and attaches the evidence of all its machines, each once, and holds
    /// them where that is asked for. Forgets the machines that were the test's own.
    /// </summary>
    /// <param name="context">The test.</param>
    /// <param name="failure">Why it fails, where xunit does not know yet.</param>
    public static async Task EndAsync(ITestContext context, Exception? failure = null)
    {
        bool failed = failure is not null || context.TestState?.Result == TestResult.Failed;
        GoldenRecorder.End(context, failed);
        MachineRecord[] records = RecordsOf(context);
        MachineRecord[] unseen = [.. records.Where(record => record.IsNewTo(context.Test))];
        foreach (MachineRecord record in unseen)
        {
            if (record.Machine.StartNote is { } note && Noted.TryAdd(note, true))
                context.AddWarning($"Machine '{record.Machine.Name}' {note}");
            foreach (string attempt in record.Machine.FailedStarts)
                context.AddWarning($"Started again: {attempt}");
            if (failed || EvidenceSettings.KeepsAll)
                await KeepAsync(record, context, failed, record.SaveAsync, failure).ConfigureAwait(false);
        }

        if (failed && unseen.Length > 0 && FailureHold.IsAsked(context))
            await FailureHold.HoldAsync(context, unseen.Select(record => record.Machine)).ConfigureAwait(false);
        foreach (MachineRecord record in records.Where(record => record.BelongsToTest))
            await ForgetAsync(record).ConfigureAwait(false);
        if (context.Test is { } ended)
            Begun.TryRemove(ended.UniqueID, out _);
    }

    /// <summary>Starts what a fixture's tests share. Of what did not start the evidence is kept: no test of its own will ask.</summary>
    public static async Task<T> StartSharedAsync<T>(Func<Task<T>> start)
    {
        try
        {
            return await start().ConfigureAwait(false);
        }
        catch (TestHarnessException)
        {
            await KeepFailedStartAsync(TestContext.Current).ConfigureAwait(false);
            throw;
        }
    }

    private static async Task KeepFailedStartAsync(ITestContext context)
    {
        foreach (
            MachineRecord record in RecordsOf(context)
                .Where(record => !record.BelongsToTest && record.Machine.State == MachineState.Stopped)
        )
        {
            await KeepAsync(record, context, failed: true, record.SaveAsync).ConfigureAwait(false);
            await ForgetAsync(record).ConfigureAwait(false);
        }
    }

    private static MachineRecord[] RecordsOf(ITestContext context) =>
        [.. Records.Values.Where(record => record.IsOf(context)).OrderBy(record => record.Machine.Name, StringComparer.Ordinal)];

    private static async Task KeepAsync(
        MachineRecord record,
        ITestContext context,
        bool failed,
        Func<string, Task<MachineEvidence>> save,
        Exception? failure = null
    )
    {
        MachineEvidence evidence;
        try
        {
            string folder = record.TakeFolder(context);
            evidence = await save(folder).ConfigureAwait(false);
            GoldenRecorder.Save(context, folder);
            Say(context, $"Artifacts: {folder}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk, say: the result itself has most of it all the same.
            context.AddWarning($"The evidence of machine '{record.Machine.Name}' could not be written: {e.Message}");
            evidence = await record.CollectAsync().ConfigureAwait(false);
        }

        if (failed && context.Test is not null)
            EvidenceAttachments.Add(context, evidence, failure);
    }

    // Without a test, a fixture's start has failed.
    private static void Say(ITestContext context, string text)
    {
        if (context.TestOutputHelper is { } output)
            output.WriteLine("{0}", text);
        else
            RunnerTerminal.WriteLine(text);
    }

    // A failure is told in the flow of the test that has it, which may be another one than the test that the machine was started for.
    private static void Tell(MachineRecord record) =>
        record.Machine.BeginTest(() =>
            TestContext.Current is { } context && Records.ContainsKey(record.Machine) && record.IsOf(context)
                ? record.NameFolder(context)
                : null
        );

    private static async Task ForgetAsync(MachineRecord record)
    {
        record.IsDone = true;
        Records.TryRemove(record.Machine, out _);
        await record.EndDelayAsync().ConfigureAwait(false);
    }

    private static void OnStarting(VirtualMachine machine)
    {
        ITestContext context = TestContext.Current;
        var record = new MachineRecord(machine, context);
        if (context.Test is { } test)
        {
            if (Begun.ContainsKey(test.UniqueID))
                record.BeginTest(context);
            if (FailureHold.IsAsked(context))
                record.DelayDispose();
        }

        Records[machine] = record;
        Tell(record);
        if (EvidenceSettings.Follows)
            machine.LineReceived += (_, line) => FollowedLines.Write(record, line);
        machine.Stopping += async _ =>
        {
            // A fixture whose start has thrown: it disposes the machine, and no test of its own will ask.
            if (record is { IsDone: false, BelongsToTest: false, Serves: false, MayFail: true } && machine.State == MachineState.Running)
                await KeepAsync(record, TestContext.Current, failed: true, record.SaveAsync).ConfigureAwait(false);
            else if (!record.IsDone)
                await record.CollectAsync().ConfigureAwait(false);
            // A shared machine that its fixture ends, after the last test.
            if (TestContext.Current.Test is null)
                Records.TryRemove(machine, out MachineRecord? _);
        };
        // A test that is cancelled or runs into its Timeout ends at once: its machines go, and with them everything that waits for one.
        if (record.BelongsToTest)
            context.CancellationToken.Register(() => Task.Run(() => CutOffAsync(record, context)).GetAwaiter().GetResult());
    }

    private static void OnException()
    {
        if (TestContext.Current is not { } context)
            return;
        foreach (MachineRecord record in Records.Values.Where(record => record.IsStartedIn(context)))
            record.SeeException();
    }

    // xunit does not call After for a test that ran into its Timeout; its result is made once the callbacks of the token have run.
    private static async Task CutOffAsync(MachineRecord record, ITestContext context)
    {
        // With a limit of its own the test has run into that; without, somebody ends the whole run, and is not kept waiting.
        bool ranIntoLimit = context.Test is XunitTest { Timeout: > 0 };
        await KeepAsync(record, context, failed: true, ranIntoLimit ? record.SaveAsync : record.SaveCollectedAsync).ConfigureAwait(false);
        if (ranIntoLimit && FailureHold.IsAsked(context))
            await FailureHold.HoldAsync(context, [record.Machine]).ConfigureAwait(false);
        await ForgetAsync(record).ConfigureAwait(false);
        // Not waited for: were the test to end on its own before xunit has noted the timeout, it would be reported twice.
        _ = Task.Run(async () => await record.Machine.DisposeAsync().ConfigureAwait(false));
    }
}
