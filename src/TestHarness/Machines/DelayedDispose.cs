using System.Diagnostics.CodeAnalysis;
using TestHarness.Hosts;
using TestHarness.Operations;

namespace TestHarness.Machines;

/// <summary>
/// Leaves a machine running that its user has disposed, until nobody wants it any more. To its user it has ended, whatever comes; those who look at it for the evidence
/// still can.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="record">Where it is noted.</param>
/// <param name="isUp">Whether there is anything to look at.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "It holds nothing of the system's; its token may outlive the machine.")]
internal sealed class DelayedDispose(VirtualMachine machine, MachineRecord record, Func<bool> isUp)
{
    private readonly CancellationTokenSource _givenBack = new();
    private readonly AsyncLocal<bool> _looksOn = new();
    private readonly Lock _gate = new();
    private int _delays;

    /// <summary>Fires when the machine's user has disposed it, and it lives on.</summary>
    public CancellationToken GivenBack => _givenBack.Token;

    public bool IsGivenBack => _givenBack.IsCancellationRequested;

    /// <summary>Gets a value indicating whether who asks looks at the machine for somebody else than its user.</summary>
    public bool LooksOn => _looksOn.Value;

    /// <summary>Who asks looks at the machine from here on, and it ends when that person says so.</summary>
    public void LookOn()
    {
        _looksOn.Value = true;
        DelayedEnds.OfMachines.Remove(machine);
    }

    public IAsyncDisposable Delay()
    {
        lock (_gate)
            _delays++;
        return new Delayed(this);
    }

    /// <summary>True where the machine is left running. A start that failed is cleared away at once, and so is what has ended.</summary>
    public async Task<bool> TryAsync()
    {
        lock (_gate)
        {
            if (_delays == 0 || !isUp())
                return false;
            if (IsGivenBack)
                return true;
            record.NoteEnd("dispose (delayed)");
        }

        await _givenBack.CancelAsync().ConfigureAwait(false);
        await DelayedEnds.OfMachines.AddAsync(machine, EndAsync).ConfigureAwait(false);
        return true;
    }

    private async Task EndAsync()
    {
        lock (_gate)
            _delays = 0;
        await machine.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class Delayed(DelayedDispose owner) : IAsyncDisposable
    {
        private int _over;

        public async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _over, 1) == 0 && owner.IsLast())
                await owner.EndAsync().ConfigureAwait(false);
        }
    }

    private bool IsLast()
    {
        lock (_gate)
        {
            if (_delays > 0)
                _delays--;
            return _delays == 0 && IsGivenBack;
        }
    }
}
