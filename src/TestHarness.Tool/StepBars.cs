using Spectre.Console;
using TestHarness.Hosts;

namespace TestHarness.Tool;

/// <summary>A bar for each step; one that does not say how far it is, moves. Without colours where NO_COLOR is set.</summary>
internal sealed class StepBars : IAsyncDisposable
{
    private readonly TaskCompletionSource<ProgressContext> _context = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly Task _shown;
    private ProgressTask? _task;
    private string _step = "";

    public StepBars()
    {
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(Console.Error),
                ColorSystem = EnvironmentVariables.NoColor ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            }
        );
        _shown = console
            .Progress()
            .Columns(
                new SpinnerColumn(),
                new ElapsedTimeColumn(),
                new ProgressBarColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left }
            )
            .StartAsync(context =>
            {
                _context.SetResult(context);
                return _over.Task;
            });
    }

    public void Report(StartProgress value)
    {
        ProgressContext context = _context.Task.GetAwaiter().GetResult();
        lock (_gate)
        {
            if (value.Step != _step)
            {
                Succeed();
                _task = context.AddTask(Markup.Escape(value.Step));
                _step = value.Step;
            }

            _task!.Description = Markup.Escape(value.Detail is { } detail ? $"{value.Step} ({detail})" : value.Step);
            _task.IsIndeterminate = value.Fraction is null;
            _task.Value = _task.MaxValue * (value.Fraction ?? 0);
        }
    }

    /// <summary>Fills the last bar, and takes away what was told of its step on the way.</summary>
    public void Succeed()
    {
        lock (_gate)
        {
            if (_task is null)
                return;
            _task.Description = Markup.Escape(_step);
            _task.IsIndeterminate = false;
            _task.Value = _task.MaxValue;
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_task is { IsFinished: false })
            {
                _task.IsIndeterminate = false;
                _task.StopTask();
            }
        }

        _over.TrySetResult();
        await _shown;
    }
}
