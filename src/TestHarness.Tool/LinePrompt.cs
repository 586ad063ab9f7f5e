using TestHarness.Hosts;

namespace TestHarness.Tool;

/// <summary>Lines from a person at a terminal, who is prompted on standard error, or from a pipe, which is not.</summary>
internal sealed class LinePrompt(LineHistory? history = null)
{
    /// <summary>Gets a value indicating whether a person types the lines.</summary>
    public bool IsTerminal { get; } = CallerTerminal.Exists;

    /// <summary>Reads the next line; <see langword="null"/> at the end, and after Ctrl-D.</summary>
    public async Task<string?> ReadAsync(string prompt, CancellationToken cancellationToken)
    {
        bool isEdited = IsTerminal && history is not null;
        if (IsTerminal && !isEdited)
            await Console.Error.WriteAsync(prompt);
        // On a thread of its own, for a read of the console can't be cancelled, and Ctrl-C is not to wait for Enter.
        string? line = await Task.Run(
                () => isEdited ? new LineEditor(prompt, history!).Read() : Console.In.ReadLine(),
                CancellationToken.None
            )
            .WaitAsync(cancellationToken);
        if (line is null && IsTerminal)
            await Console.Error.WriteLineAsync();
        return line;
    }
}
