namespace TestHarness;

/// <summary>Runs a command in the guest's shell (<see cref="SetupStep.Run"/>).</summary>
/// <param name="Command">The command.</param>
public sealed record RunStep(string Command) : SetupStep
{
    /// <summary>Gets the guest's user that the command runs as, by name. Default: <see langword="null"/>, root.</summary>
    public string? User { get; init; }

    /// <summary>Gets variables added to the command's environment. Default: none.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    internal override IEnumerable<string?> Content =>
        [
            "run",
            Command,
            User,
            .. Environment.OrderBy(one => one.Key, StringComparer.Ordinal).SelectMany(one => (string[])[one.Key, one.Value]),
        ];

    private protected override string Describe() => $"run {Command.Trim()}";
}
