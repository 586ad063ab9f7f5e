using Xunit;

namespace TestHarness.Xunit;

/// <summary>A machine and the test, class, collection or assembly that started it.</summary>
internal sealed class MachineRecord(VirtualMachine machine, ITestContext startedIn)
{
    private readonly string? _test = startedIn.Test?.UniqueID;
    private readonly string? _class = startedIn.TestClass?.UniqueID;
    private readonly string? _collection = startedIn.TestCollection?.UniqueID;
    private MachineEvidence? _last;

    public VirtualMachine Machine => machine;

    public bool BelongsToTest => _test is not null;

    /// <summary>Tells whether the current test could use the machine: it, its class's, its collection's or its assembly's fixture started it.</summary>
    public bool IsOf(ITestContext context) =>
        _test is not null ? _test == context.Test?.UniqueID
        : _class is not null ? _class == context.TestClass?.UniqueID
        : _collection is null || _collection == context.TestCollection?.UniqueID;

    /// <summary>Collects the evidence anew; the last screenshot of a machine that has ended is kept.</summary>
    public async Task<MachineEvidence> CollectAsync()
    {
        MachineEvidence evidence = await machine.CollectEvidenceAsync().ConfigureAwait(false);
        return _last = evidence with { Screenshot = evidence.Screenshot ?? _last?.Screenshot };
    }
}
