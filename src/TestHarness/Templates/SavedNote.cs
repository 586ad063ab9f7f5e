using TestHarness.Images;

namespace TestHarness.Templates;

/// <summary>What is noted of a template that is a saved machine: all that it needs to go on, also after its image has gone.</summary>
internal sealed record SavedNote
{
    /// <summary>Gets the name that it was given.</summary>
    public required string Name { get; init; }

    public required DateTimeOffset Saved { get; init; }

    /// <summary>Gets the machine as a definition file in JSON.</summary>
    public required string Definition { get; init; }

    /// <summary>Gets its image: the files of the library's own cache have second names beside the saved machine's.</summary>
    public required GuestImage Image { get; init; }

    /// <summary>Gets the identities of the image's files that are a user's, by their paths.</summary>
    public IReadOnlyDictionary<string, string> UserFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the host that it ran on.</summary>
    public required SavedHost Host { get; init; }

    /// <summary>Gets a value indicating whether the machine's description has secrets.</summary>
    public bool HasSecrets { get; init; }
}
