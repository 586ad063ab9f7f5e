namespace TestHarness;

/// <summary>What the guest's network reaches.</summary>
public enum NetworkMode
{
    /// <summary>The guest has no network card.</summary>
    None,

    /// <summary>
    /// A card on a network of its own that reaches nothing (QEMU's <c>restrict=on</c>); only the forwarded ports lead in.
    /// </summary>
    Isolated,

    /// <summary>
    /// A card on QEMU's user network (<c>restrict=off</c>): the guest reaches what the host's own programs reach, the host's loopback
    /// services as 10.0.2.2 included, with DNS at 10.0.2.3. Nothing reaches the guest but by its forwarded ports. Everything that a test
    /// gets from there is outside its control.
    /// </summary>
    Internet,
}
