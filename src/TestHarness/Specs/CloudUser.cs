namespace TestHarness;

/// <summary>Describes a user that cloud-init makes; without a password.</summary>
/// <param name="Name">The user's name.</param>
public sealed record CloudUser(string Name)
{
    /// <summary>Gets public ssh keys, one an element, that open the user. Default: none.</summary>
    public IReadOnlyList<string> AuthorizedKeys { get; init; } = [];

    /// <summary>Gets groups that the user is in besides its own; they are made where they are missing. Default: none.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];

    /// <summary>Gets a rule for sudo, such as <c>ALL=(ALL) NOPASSWD:ALL</c>. Default: <see langword="null"/>, none.</summary>
    public string? Sudo { get; init; }
}
