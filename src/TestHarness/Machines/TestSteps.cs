using TestHarness.Operations;

namespace TestHarness.Machines;

/// <summary>
/// The named steps of a test on a machine. Each begins with a checkpoint, so that a person can go back to what was before the one that
/// failed, and run it again.
/// </summary>
/// <param name="machine">What operations need.</param>
/// <param name="checkpoints">The machine's checkpoints.</param>
internal sealed class TestSteps(MachineOperations machine, Checkpoints checkpoints)
{
    // What the checkpoints of steps may take of the host's disk, together. The newest one is kept whatever it takes.
    private const long MostBytes = 2L * 1024 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly List<string> _kept = [];
    private int _count;
    private TestStep? _running;
    private TestStep? _failed;

    /// <summary>The step that failed last, or that is under way; or <see langword="null"/>.</summary>
    public TestStep? Last
    {
        get
        {
            lock (_gate)
                return _failed ?? _running;
        }
    }

    /// <summary>Forgets which step failed: it was another test's.</summary>
    public void BeginTest()
    {
        lock (_gate)
            _failed = null;
    }

    /// <summary>Runs a step.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="act">What it does; what it throws comes out.</param>
    /// <param name="cancellationToken">Ends the wait for the checkpoint.</param>
    public async Task RunAsync(string name, Func<Task> act, CancellationToken cancellationToken)
    {
        TestStep step = new(
            Interlocked.Increment(ref _count),
            name,
            act,
            await TryKeepAsync(name, cancellationToken).ConfigureAwait(false)
        );
        TestStep? around;
        lock (_gate)
            (around, _running, _failed) = (_running, step, null);
        machine.Record.NoteStep($"{step} begins");
        long began = machine.Time.GetTimestamp();
        try
        {
            await act().ConfigureAwait(false);
            machine.Record.NoteStep($"{step}", machine.Time.GetElapsedTime(began), "ok");
        }
        catch (Exception e)
        {
            machine.Record.NoteStep($"{step}", machine.Time.GetElapsedTime(began), machine.Record.Outcome(e));
            // One that it is a part of fails with it.
            lock (_gate)
                _failed ??= step;
            throw;
        }
        finally
        {
            lock (_gate)
                _running = around;
        }
    }

    /// <summary>Puts the machine back to what was before a step.</summary>
    /// <exception cref="InvalidOperationException">There is no checkpoint before it.</exception>
    public Task GoBackAsync(TestStep step, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (step.Checkpoint is null || !_kept.Contains(step.Checkpoint))
                throw new InvalidOperationException($"There is no checkpoint before {step}: the machine's timeline says why.");
        }

        return checkpoints.LoadAsync(step.Checkpoint, cancellationToken);
    }

    private async Task<string?> TryKeepAsync(string step, CancellationToken cancellationToken)
    {
        string name = $"before {step}";
        try
        {
            await checkpoints.SaveAsync(name, cancellationToken).ConfigureAwait(false);
        }
        catch (MonitorException e)
        {
            machine.Record.NoteStep($"no checkpoint \"{name}\"", duration: null, machine.Record.Outcome(e));
            return null;
        }

        lock (_gate)
        {
            _kept.Remove(name);
            _kept.Add(name);
        }

        await MakeRoomAsync(cancellationToken).ConfigureAwait(false);
        return name;
    }

    private async Task MakeRoomAsync(CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, long> sizes = await checkpoints.MeasureAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            string oldest;
            lock (_gate)
            {
                if (_kept.Count < 2 || _kept.Sum(name => sizes.GetValueOrDefault(name)) <= MostBytes)
                    return;
                oldest = _kept[0];
                _kept.RemoveAt(0);
            }

            machine.Record.NoteStep($"checkpoint \"{oldest}\" makes room for later ones");
            await checkpoints.RemoveAsync(oldest, cancellationToken).ConfigureAwait(false);
        }
    }
}
