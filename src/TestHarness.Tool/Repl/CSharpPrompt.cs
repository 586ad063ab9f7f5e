using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Repl;

/// <summary>The prompt: lines in, values and errors out, until <c>:quit</c>, Ctrl-D or the end of the input.</summary>
internal sealed class CSharpPrompt(ScriptSession session)
{
    private const string Help = """
        C# with vm, the machine, at hand: await vm.Shell.RunAsync("uname -a")
        A value is shown where there is no semicolon; what is not whole goes on in the next line.
          :cancel   drops the lines of a piece that is not whole, as Ctrl-C does
          :help     this
          :quit     leaves, as Ctrl-D does
        """;

    private readonly LinePrompt _lines = new(new LineHistory(Path.Combine(DataFolder.Path, "repl-history")));

    /// <summary>Serves the person or pipe.</summary>
    /// <returns>The exit code: that something failed tells only who is not there to see it.</returns>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        bool failed = false;
        if (_lines.IsTerminal)
            await Console.Error.WriteLineAsync("C# with the machine as vm. :help tells more, Ctrl-D or :quit leaves.");
        while (await ReadPieceAsync(cancellationToken) is { } text)
        {
            if (text.Trim() == ":help")
            {
                await Console.Error.WriteLineAsync(Help);
                continue;
            }

            ScriptOutcome outcome = await session.RunAsync(text, cancellationToken);
            failed |= outcome.Error is not null;
            if (outcome.Error is not null)
                await Console.Error.WriteLineAsync(outcome.Error);
            else if (outcome.Text.Length > 0)
                await Console.Out.WriteLineAsync(outcome.Text);
        }

        return failed && !_lines.IsTerminal ? ExitCode.Failed : 0;
    }

    // What is not whole at the input's end is a piece, too: what is wrong with it is to be told.
    private async Task<string?> ReadPieceAsync(CancellationToken cancellationToken)
    {
        string text = "";
        while (await _lines.ReadAsync(text.Length == 0 ? "> " : ". ", cancellationToken) is { } line)
        {
            switch (line.Trim())
            {
                case ":quit":
                    return null;
                case ":cancel" or LineEditor.Dropped:
                    text = "";
                    continue;
                case ":help":
                    return ":help";
            }

            text += $"{line}\n";
            if (!string.IsNullOrWhiteSpace(text) && ScriptSession.IsComplete(text))
                return text;
        }

        return string.IsNullOrWhiteSpace(text) ? null : text;
    }
}
