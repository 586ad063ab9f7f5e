using System.Diagnostics;
using TestHarness;

namespace Quickstart;

/// <summary>Prints each step with its duration; on a terminal the last line of detail too, in place.</summary>
internal sealed class StepPrinter : IProgress<StartProgress>, IDisposable
{
    private readonly bool _live = !Console.IsOutputRedirected;
    private readonly Lock _gate = new();
    private string? _step;
    private long _began;

    public void Report(StartProgress value)
    {
        lock (_gate)
        {
            if (value.Step != _step)
                Begin(value.Step);
            else if (_live && value.Detail is { } detail)
                Console.Write($"\r\e[K  … {Cut($"{_step}: {detail}")}");
        }
    }

    /// <summary>Runs a step and prints what it returns.</summary>
    public async Task RunAsync(string step, Func<Task<string>> action)
    {
        long began = Stopwatch.GetTimestamp();
        Report(new StartProgress(step));
        string result = await action();
        lock (_gate)
        {
            _step = null;
            Print(step, began, result.Trim());
        }
    }

    public void Dispose() => End();

    private void Begin(string step)
    {
        End();
        _step = step;
        _began = Stopwatch.GetTimestamp();
        if (_live)
            Console.Write($"\r\e[K  … {Cut(step)}");
    }

    private void End()
    {
        if (_step is { } step)
            Print(step, _began, null);
        _step = null;
    }

    private void Print(string step, long began, string? result)
    {
        string duration = $"{Stopwatch.GetElapsedTime(began).TotalSeconds, 7:0.000} s  ";
        Console.WriteLine($"{(_live ? "\r\e[K" : "")}{duration}{step}{(result is null ? "" : $" -> {result}")}");
    }

    private static string Cut(string text) => text.Length < 100 ? text : text[..100];
}
