namespace TestHarness;

/// <summary>What a person at a terminal runs in the guest, and which terminal that is.</summary>
public sealed record InteractiveOptions
{
    internal static readonly InteractiveOptions Default = new();

    /// <summary>Gets the command, as a shell takes it. Default: <see langword="null"/>, a login shell: bash where there is one, else sh.</summary>
    public string? Command { get; init; }

    /// <summary>Gets the guest's user. Default: <see langword="null"/>, root.</summary>
    public string? User { get; init; }

    /// <summary>Gets variables added to the environment. Default: none; <c>TERM</c> is <c>linux</c>.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the working directory. Default: <see langword="null"/>, the user's home.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Gets where keys come from; its end types Ctrl-D. The caller disposes it. Default: <see langword="null"/>, this process's standard input.</summary>
    public Stream? Input { get; init; }

    /// <summary>Gets where the terminal's output goes. The caller disposes it. Default: <see langword="null"/>, this process's standard output.</summary>
    public Stream? Output { get; init; }

    /// <summary>Gets the width. Default: <see langword="null"/>, that of this process's terminal, whose later changes are passed on, else 80.</summary>
    public int? Columns { get; init; }

    /// <summary>Gets the height. Default: <see langword="null"/>, that of this process's terminal, whose later changes are passed on, else 24.</summary>
    public int? Rows { get; init; }
}
