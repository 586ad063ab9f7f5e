namespace TestHarness.Networks.Answers;

/// <summary>Says whose the switch's own IPv4 address is (RFC 826).</summary>
internal static class ArpAnswer
{
    private const int Length = 28;
    private const byte Reply = 2;

    // Ethernet, IPv4, their lengths, a request.
    private static ReadOnlySpan<byte> Request => [0, 1, 8, 0, 6, 4, 0, 1];

    public static byte[]? To(SwitchHost host, ReadOnlySpan<byte> question) =>
        question.Length >= Length && question.StartsWith(Request) && question.Slice(24, 4).SequenceEqual(host.BytesV4)
            ? [.. Request[..^1], Reply, .. host.Mac.ToBytes(), .. host.BytesV4, .. question.Slice(8, 10)]
            : null;
}
