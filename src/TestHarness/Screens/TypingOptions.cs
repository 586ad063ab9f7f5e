namespace TestHarness;

/// <summary>How keys are pressed on a machine's keyboard.</summary>
public sealed record TypingOptions
{
    internal static readonly TypingOptions Default = new();

    /// <summary>
    /// Gets the layout that the guest's keyboard is set to: <c>us</c>, <c>gb</c>, <c>de</c>, <c>de-nodeadkeys</c> or <c>fr</c>. Default:
    /// <see langword="null"/>, <see cref="Screen.KeyboardLayout"/>.
    /// </summary>
    public string? Layout { get; init; }

    /// <summary>
    /// Gets what to wait after each key, besides the guest's reading it: for firmware and boot menus, which read keys sooner than they act
    /// on them. Default: nothing.
    /// </summary>
    public TimeSpan Pause { get; init; }

    /// <summary>Gets the limit. Default: <see langword="null"/>, 1 minute, longer on a slow host and for a long text.</summary>
    public TimeSpan? Timeout { get; init; }
}
