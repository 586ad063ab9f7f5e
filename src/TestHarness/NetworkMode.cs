namespace TestHarness;

/// <summary>What the guest's network reaches.</summary>
public enum NetworkMode
{
    /// <summary>The guest has no network card.</summary>
    None,

    /// <summary>A card on a network of its own that reaches nothing (QEMU's <c>restrict=on</c>); only the forwarded ports lead in.</summary>
    Isolated,
}
