using CliWrap;

namespace TestHarness.Hosts;

/// <summary>
/// A helper program's three pipes, for those who read and write them beside each other. CliWrap lets go of the program with its pipes: they
/// stay until this is disposed, and until then its number is nobody else's.
/// </summary>
internal sealed class HelperPipes : IDisposable
{
    private readonly TaskCompletionSource _held = new();
    private readonly TaskCompletionSource<Stream> _input = New();
    private readonly TaskCompletionSource<Stream> _output = New();
    private readonly TaskCompletionSource<Stream> _error = New();

    public PipeSource Source => PipeSource.Create((pipe, _) => HoldAsync(_input, pipe));

    public PipeTarget OutputTarget => PipeTarget.Create((pipe, _) => HoldAsync(_output, pipe));

    public PipeTarget ErrorTarget => PipeTarget.Create((pipe, _) => HoldAsync(_error, pipe));

    /// <summary>Gets what is written to the program's standard input.</summary>
    public Task<Stream> Input => _input.Task;

    public Task<Stream> Output => _output.Task;

    public Task<Stream> Error => _error.Task;

    public void Dispose() => _held.TrySetResult();

    private static TaskCompletionSource<Stream> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task HoldAsync(TaskCompletionSource<Stream> known, Stream pipe)
    {
        known.SetResult(pipe);
        return _held.Task;
    }
}
