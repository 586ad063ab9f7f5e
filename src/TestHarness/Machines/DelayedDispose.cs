using System.Diagnostics.CodeAnalysis;
using TestHarness.Hosts;
using TestHarness.Operations;

namespace TestHarness.Machines;

/// <summary>
/// Leaves a machine running that its user has disposed, until nobody wants it any more. To its user it has ended, whatever comes; those who
/// look at it for the evidence still can.
/// </summary>
[SuppressMessage(
    "Design",
    "CA1001:Types that own disposable fields should be disposable",
    Justification = "It holds nothing of the system's; its token may outlive the machine."
)]
internal sealed class DelayedDispose
{
    private readonly VirtualMachine _machine;
    private readonly MachineRecord _record;
    private readonly CancellationToken _ended;
    private readonly Func<bool> _isUp;
    private readonly CancellationTokenSource _givenBack = new();
    private readonly CancellationTokenSource _over;
    private readonly AsyncLocal<bool> _looksOn = new();
    private readonly Lock _gate = new();
    private int _delays;

    /// <param name="machine">The machine.</param>
    /// <param name="record">Where it is noted.</param>
    /// <param name="isUp">Whether there is anything to look at.</param>
    /// <param name="ended">Fires when the machine has ended.</param>
    public DelayedDispose(VirtualMachine machine, MachineRecord record, Func<bool> isUp, CancellationToken ended)
    {
        (_machine, _record, _ended, _isUp) = (machine, record, ended, isUp);
        _over = CancellationTokenSource.CreateLinkedTokenSource(ended, _givenBack.Token);
    }

    /// <summary>Fires when the machine has ended for who asks.</summary>
    public CancellationToken Ended => LooksOn ? _ended : _over.Token;

    public bool IsGivenBack => _givenBack.IsCancellationRequested;

    /// <summary>Gets a value indicating whether who asks looks at the machine for somebody else than its user.</summary>
    public bool LooksOn => _looksOn.Value;

    /// <summary>Who asks looks at the machine from here on, and it ends when that person says so.</summary>
    public void LookOn()
    {
        _looksOn.Value = true;
        DelayedEnds.OfMachines.Remove(_machine);
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
            if (_delays == 0 || !_isUp())
                return false;
            if (IsGivenBack)
                return true;
            _record.NoteEnd("dispose (delayed)");
        }

        await _givenBack.CancelAsync().ConfigureAwait(false);
        await DelayedEnds.OfMachines.AddAsync(_machine, EndAsync).ConfigureAwait(false);
        return true;
    }

    private async Task EndAsync()
    {
        lock (_gate)
            _delays = 0;
        await _machine.DisposeAsync().ConfigureAwait(false);
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
