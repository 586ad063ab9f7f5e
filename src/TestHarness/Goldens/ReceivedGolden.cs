namespace TestHarness.Goldens;

/// <summary>One file that a test received, and the golden whose place it would take.</summary>
/// <param name="File">What was received.</param>
/// <param name="Golden">The golden's file, whether or not there is one yet; null: nothing tells where it belongs.</param>
internal sealed record ReceivedGolden(string File, string? Golden)
{
    /// <summary>Whether there is a golden that it would replace.</summary>
    public bool IsChange => System.IO.File.Exists(Golden) && !GoldenPlaceholder.Is(Golden);
}
