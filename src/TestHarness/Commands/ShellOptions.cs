using TestHarness.Agents;

namespace TestHarness;

/// <summary>How a command runs in the guest.</summary>
public sealed record ShellOptions
{
    internal static readonly ShellOptions Default = new();

    /// <summary>Gets positional parameters, <c>$1</c> onwards in the command, passed on literally. Default: none.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Gets variables added to the command's environment. Default: none.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the working directory. Default: <see langword="null"/>, the user's home.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>
    /// Gets the guest's user that the command runs as, by name; no sudo is needed in the guest. Default: <see langword="null"/>, root.
    /// </summary>
    public string? User { get; init; }

    /// <summary>
    /// Gets what the command reads from its standard input; the caller disposes it. Default: <see langword="null"/>, nothing (end of file
    /// at once).
    /// </summary>
    public Stream? StandardInput { get; init; }

    /// <summary>
    /// Gets a receiver of whole lines while the command runs, in order, never two at a time; a line of more than 64 KiB comes in pieces. It
    /// is called on a thread of its own. One that is slower than the command holds the command, as a pipe does, up to its limit or its end.
    /// What it throws ends the command and comes out of the call. Default: none.
    /// </summary>
    public Action<OutputLine>? OnOutput { get; init; }

    /// <summary>
    /// Gets how many bytes of each stream are kept. Of more the first half and the last half are kept, with a line <c>[… N bytes dropped
    /// …]</c> between them, and <see cref="ShellResult.Truncated"/> is set. Default: 64 MiB.
    /// </summary>
    public int MaxOutputBytes { get; init; } = OutputCollector.DefaultMaxBytes;

    /// <summary>
    /// Gets the limit, after which everything that the command started is killed. Default: <see langword="null"/>, 10 minutes, longer on a
    /// slow host; none for what <see cref="Shell.StartAsync(string, ShellOptions?, CancellationToken)"/> starts.
    /// </summary>
    public TimeSpan? Timeout { get; init; }
}
