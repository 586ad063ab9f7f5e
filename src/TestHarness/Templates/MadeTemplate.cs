namespace TestHarness.Templates;

/// <summary>How the making of a template ended.</summary>
internal sealed record MadeTemplate
{
    /// <summary>Why such a machine can't be kept, or <see langword="null"/> where its files are there.</summary>
    public string? Obstacle { get; init; }

    /// <summary>Whether the obstacle is one of now, and not of every such machine.</summary>
    public bool IsPassing { get; init; }

    /// <summary>Whether it is a running machine's, kept for its heirs alone.</summary>
    public bool IsFork { get; init; }

    /// <summary>What is noted of it where it is a saved machine, or <see langword="null"/>.</summary>
    public SavedNote? Saved { get; init; }

    /// <summary>The addresses of its cards on networks, where it is a running machine's.</summary>
    public IReadOnlyList<string> Cards { get; init; } = [];

    /// <summary>What it is a layer on, or <see langword="null"/> where it has booted.</summary>
    public LayerNote? Layer { get; init; }
}
