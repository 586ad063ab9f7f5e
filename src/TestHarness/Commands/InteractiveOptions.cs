namespace TestHarness;

/// <summary>What a person at a terminal runs in the guest.</summary>
public sealed record InteractiveOptions
{
    internal static readonly InteractiveOptions Default = new();

    /// <summary>
    /// Gets the command, as a shell takes it. Default: <see langword="null"/>, a login shell: bash where there is one, else sh.
    /// </summary>
    public string? Command { get; init; }

    /// <summary>Gets the guest's user. Default: <see langword="null"/>, root.</summary>
    public string? User { get; init; }

    /// <summary>
    /// Gets variables added to the environment. Default: none. <c>TERM</c> is that of this process's terminal, else <c>linux</c>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the working directory. Default: <see langword="null"/>, the user's home.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>
    /// Gets keys that a program types at the guest's terminal, in place of a person. Their end ends nothing: type <c>exit</c> or Ctrl-D.
    /// The caller disposes it. Default: <see langword="null"/>, this process's standard input.
    /// </summary>
    public Stream? Input { get; init; }

    /// <summary>
    /// Gets where the terminal's output goes. The caller disposes it. Default: <see langword="null"/>, this process's standard output.
    /// </summary>
    public Stream? Output { get; init; }

    /// <summary>Gets the width where there is no terminal of this process's to take it from, 1 to 65535. Default: 80.</summary>
    public int Columns { get; init; } = 80;

    /// <summary>Gets the height where there is no terminal of this process's to take it from, 1 to 65535. Default: 24.</summary>
    public int Rows { get; init; } = 24;
}
