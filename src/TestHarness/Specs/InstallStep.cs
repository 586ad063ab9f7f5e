namespace TestHarness;

/// <summary>Installs packages (<see cref="SetupStep.Install"/>).</summary>
/// <param name="Packages">Their names; a version may follow a <c>=</c>.</param>
public sealed record InstallStep(IReadOnlyList<string> Packages) : SetupStep
{
    /// <summary>Gets a value indicating whether recommended packages are installed, too. Default: <see langword="false"/>.</summary>
    public bool Recommended { get; init; }

    internal override IEnumerable<string?> Content => ["install", Recommended ? "recommended" : "", .. Packages];

    private protected override string Describe() => $"install {string.Join(' ', Packages)}";
}
