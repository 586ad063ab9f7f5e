using System.Text;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness;

/// <summary>How a command in the guest ended and what it wrote.</summary>
public sealed record ShellResult
{
    private string? _output;
    private string? _error;

    /// <summary>Gets the command.</summary>
    public required string Command { get; init; }

    /// <summary>Gets the exit code; 128 + n where signal n ended the command, as shells have it.</summary>
    public required int ExitCode { get; init; }

    /// <summary>Gets the signal that ended the command, or <see langword="null"/>.</summary>
    public int? Signal { get; init; }

    /// <summary>Gets the bytes of standard output.</summary>
    public ReadOnlyMemory<byte> StandardOutputBytes { get; init; }

    /// <summary>Gets the bytes of standard error.</summary>
    public ReadOnlyMemory<byte> StandardErrorBytes { get; init; }

    /// <summary>
    /// Gets a value indicating whether more was written than <see cref="ShellOptions.MaxOutputBytes"/> keeps; a line
    /// <c>[… N bytes dropped …]</c> is then in the place of what is lost.
    /// </summary>
    public bool Truncated { get; init; }

    /// <summary>Gets the machine's secrets, for messages.</summary>
    internal SecretMask Mask { get; init; } = SecretMask.None;

    /// <summary>Gets the time from asking to the end of the command.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>Gets standard output as text (UTF-8; what is not valid becomes U+FFFD).</summary>
    public string StandardOutput => _output ??= Encoding.UTF8.GetString(StandardOutputBytes.Span);

    /// <summary>Gets standard error as text (UTF-8; what is not valid becomes U+FFFD).</summary>
    public string StandardError => _error ??= Encoding.UTF8.GetString(StandardErrorBytes.Span);

    /// <summary>Puts <c>***</c> in place of the machine's <see cref="MachineSpec.Secrets"/>, for messages.</summary>
    /// <param name="text">The text; not yet cut, since a part of a secret may not be found.</param>
    /// <returns>The text without them.</returns>
    public string WithoutSecrets(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Mask.Apply(text);
    }

    /// <summary>The result of a command that has ended.</summary>
    internal static ShellResult Of(string command, AgentExit exit, OutputCollector output, TimeSpan duration, SecretMask mask) =>
        new()
        {
            Mask = mask,
            Command = command,
            ExitCode = exit.ShellExitCode,
            Signal = exit.Signal,
            StandardOutputBytes = output.StandardOutput,
            StandardErrorBytes = output.StandardError,
            Truncated = output.Truncated,
            Duration = duration,
        };
}
