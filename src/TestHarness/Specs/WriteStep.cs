namespace TestHarness;

/// <summary>Writes a text file in the guest (<see cref="SetupStep.Write"/>).</summary>
/// <param name="GuestPath">The absolute path in the guest.</param>
/// <param name="Text">What is in it.</param>
public sealed record WriteStep(string GuestPath, string Text) : SetupStep
{
    /// <summary>Gets how it is written. Default: permissions 0644, owner root.</summary>
    public GuestFileOptions Options { get; init; } = GuestFileOptions.Default;

    internal override IEnumerable<string?> Content => ["write", GuestPath, Text, Options.Mode?.ToString(), Options.Owner];

    private protected override string Describe() => $"write {GuestPath}";
}
