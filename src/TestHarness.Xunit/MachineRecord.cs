using Xunit;
using Xunit.Sdk;

namespace TestHarness.Xunit;

/// <summary>A machine and the test, class, collection or assembly that started it.</summary>
internal sealed class MachineRecord(VirtualMachine machine, ITestContext startedIn)
{
    private readonly string? _test = startedIn.Test?.UniqueID;
    private readonly string? _class = startedIn.TestClass?.UniqueID;
    private readonly string? _collection = startedIn.TestCollection?.UniqueID;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);
    private IAsyncDisposable? _delay;
    private MachineEvidence? _last;
    private ITest? _seenBy;

    public VirtualMachine Machine => machine;

    public bool BelongsToTest => _test is not null;

    /// <summary>Gets a value indicating whether a test has begun that uses the machine.</summary>
    public bool Serves { get; private set; }

    /// <summary>Gets a value indicating whether an exception was thrown by whoever uses the machine.</summary>
    public bool MayFail { get; private set; }

    /// <summary>Remembers that a test has begun that uses the machine.</summary>
    public void BeginTest(ITestContext context)
    {
        Serves = true;
        Context = context;
    }

    /// <summary>Keeps the machine after its own dispose, until <see cref="EndDelayAsync"/>.</summary>
    public void DelayDispose()
    {
        lock (_gate)
        {
            if (!IsDone)
                _delay ??= machine.DelayDispose();
        }
    }

    /// <summary>
    /// Remembers that an exception was thrown. What runs a test's code tells its end, until which the machine is kept; nobody tells that of
    /// a fixture's start.
    /// </summary>
    public void SeeException()
    {
        MayFail = true;
        if (Serves && BelongsToTest)
            DelayDispose();
    }

    /// <summary>Ends the machine where its dispose was delayed.</summary>
    public ValueTask EndDelayAsync()
    {
        lock (_gate)
            return _delay?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    /// <summary>Where the machine's lines go while they are followed: the test that uses it now.</summary>
    public ITestContext Context { get; set; } = startedIn;

    /// <summary>Gets or sets a value indicating whether the test's result is known, and nobody will ask for more evidence.</summary>
    public bool IsDone { get; set; }

    /// <summary>
    /// Tells whether the current test could use the machine: it, its class's, its collection's or its assembly's fixture started it.
    /// </summary>
    public bool IsOf(ITestContext context) =>
        _test is not null ? _test == context.Test?.UniqueID
        : _class is not null ? _class == context.TestClass?.UniqueID
        : _collection is null || _collection == context.TestCollection?.UniqueID;

    /// <summary>
    /// Tells whether the current flow is that which the machine was started in: the same test, or the same fixture's start.
    /// </summary>
    public bool IsStartedIn(ITestContext context) => _test == context.Test?.UniqueID && IsOf(context);

    /// <summary>Tells, once a test, that its result has not been looked at for this machine: several attributes ask.</summary>
    public bool IsNewTo(ITest? test) => test is null || !ReferenceEquals(Interlocked.Exchange(ref _seenBy, test), test);

    /// <summary>
    /// Names the folder that the evidence goes to if the test fails; <see langword="null"/> where its result has been looked at, and there
    /// is none.
    /// </summary>
    public string? NameFolder(ITestContext context)
    {
        lock (_gate)
        {
            string key = KeyOf(context);
            if (_folders.TryGetValue(key, out string? folder) || (context.Test is { } test && ReferenceEquals(test, _seenBy)))
                return folder;
            return _folders[key] = EvidenceSettings.NameFolder(NameOf(context), machine.Name);
        }
    }

    /// <summary>Returns the folder that messages have named already, or a new one.</summary>
    public string TakeFolder(ITestContext context)
    {
        lock (_gate)
        {
            if (_folders.TryGetValue(KeyOf(context), out string? folder) && TryMake(folder))
                return folder;
            return _folders[KeyOf(context)] = EvidenceSettings.MakeFolder(NameOf(context), machine.Name);
        }
    }

    /// <summary>Collects the evidence anew, without asking the guest; the last screenshot of a machine that has ended is kept.</summary>
    public async Task<MachineEvidence> CollectAsync() => _last = WithLastScreen(await machine.CollectEvidenceAsync().ConfigureAwait(false));

    /// <summary>Writes the bundle of evidence; a machine that runs is asked for its journal and files.</summary>
    public async Task<MachineEvidence> SaveAsync(string folder)
    {
        MachineEvidence evidence = await machine.SaveEvidenceAsync(folder).ConfigureAwait(false);
        if (evidence.Screenshot is not null || _last?.Screenshot is null)
            return _last = evidence;
        _last = WithLastScreen(evidence);
        await _last.SaveAsync(folder).ConfigureAwait(false);
        return _last;
    }

    /// <summary>Writes the bundle of evidence without asking the guest.</summary>
    public async Task<MachineEvidence> SaveCollectedAsync(string folder)
    {
        MachineEvidence evidence = await CollectAsync().ConfigureAwait(false);
        await evidence.SaveAsync(folder).ConfigureAwait(false);
        return evidence;
    }

    private static bool TryMake(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only now it is tried: the evidence goes elsewhere, and the test's output says where.
            return false;
        }
    }

    private static string KeyOf(ITestContext context) => context.Test?.UniqueID ?? "";

    private static string NameOf(ITestContext context) => context.Test?.TestDisplayName ?? context.TestClass?.TestClassName ?? "fixture";

    private MachineEvidence WithLastScreen(MachineEvidence evidence) =>
        evidence with
        {
            Screenshot = evidence.Screenshot ?? _last?.Screenshot,
        };
}
