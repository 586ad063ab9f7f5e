namespace TestHarness.Networks;

/// <summary>Whose a card is.</summary>
/// <param name="Machine">The machine's name.</param>
/// <param name="Card">What the card goes by.</param>
internal sealed record CardOwner(string Machine, CardAddress Card);
