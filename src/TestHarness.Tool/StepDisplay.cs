using TestHarness.Hosts;

namespace TestHarness.Tool;

/// <summary>
/// The steps of something that takes long, on standard error: bars at a terminal, else a line a step. What is not used is not loaded, for a
/// command is to be over at once.
/// </summary>
internal sealed class StepDisplay : IProgress<StartProgress>, IAsyncDisposable
{
    private StepBars? _bars;
    private string _last = "";
    private int _tenth;

    /// <summary>Gets a value indicating whether somebody sees bars, and so how far a step is.</summary>
    public static bool IsTerminal { get; } = !Console.IsErrorRedirected && EnvironmentVariables.Term is not (null or "dumb");

    /// <summary>Shows the steps of something, until its end.</summary>
    public static async Task<T> RunAsync<T>(Func<IProgress<StartProgress>, Task<T>> act)
    {
        await using var steps = new StepDisplay();
        T result = await act(steps);
        steps.Succeed();
        return result;
    }

    public void Report(StartProgress value)
    {
        if (IsTerminal)
        {
            (_bars ??= new StepBars()).Report(value);
            return;
        }

        // What says how far it is does so in a line every tenth.
        int tenth = (int)((value.Fraction ?? 0) * 10);
        if (value.Step != _last || tenth > _tenth)
            Console.Error.WriteLine(value is { Fraction: not null, Detail: { } detail } ? $"{value.Step} {detail}" : value.Step);
        (_last, _tenth) = (value.Step, tenth);
    }

    /// <summary>Shows that the last step succeeded, too.</summary>
    public void Succeed() => _bars?.Succeed();

    /// <summary>Ends the bars, so that what is written next comes below them.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_bars is not null)
            await _bars.DisposeAsync();
        _bars = null;
    }
}
