using System.Net;

namespace TestHarness;

/// <summary>Says which packets are meant: those that have all that is given here. What is not given is any.</summary>
public sealed record PacketMatch
{
    /// <summary>Gets the name of the machine whose card sends it. Default: any.</summary>
    public string? From { get; init; }

    /// <summary>
    /// Gets the name of the machine whose card it is for. What is for all, as a broadcast is, is for none by its name. Default: any.
    /// </summary>
    public string? To { get; init; }

    /// <summary>Gets the sender's IP address. Default: any.</summary>
    public IPAddress? FromAddress { get; init; }

    /// <summary>Gets the receiver's IP address. Default: any.</summary>
    public IPAddress? ToAddress { get; init; }

    /// <summary>Gets the sender's port of TCP or UDP. Default: any.</summary>
    public int? FromPort { get; init; }

    /// <summary>Gets the receiver's port of TCP or UDP. Default: any.</summary>
    public int? ToPort { get; init; }

    /// <summary>Gets the protocol. Default: any.</summary>
    public PacketProtocol? Protocol { get; init; }

    /// <summary>
    /// Gets what else must hold; it is asked of packets that have all the rest. What it throws ends the search. Default: nothing.
    /// </summary>
    public Func<CapturedPacket, bool>? Where { get; init; }

    /// <summary>Returns it in words.</summary>
    /// <returns>Such as <c>a packet (Tcp) from web to db port 5432</c>.</returns>
    public override string ToString() =>
        (Protocol is { } protocol ? $"a packet ({protocol})" : "a packet")
        + End("from", From, FromAddress, FromPort)
        + End("to", To, ToAddress, ToPort)
        + (Where is null ? "" : " that Where takes");

    internal bool Takes(CapturedPacket packet) =>
        (From is null || From == packet.From)
        && (To is null || To == packet.To)
        && (FromAddress is null || FromAddress.Equals(packet.FromAddress))
        && (ToAddress is null || ToAddress.Equals(packet.ToAddress))
        && (FromPort is null || FromPort == packet.FromPort)
        && (ToPort is null || ToPort == packet.ToPort)
        && (Protocol is null || Protocol == packet.Protocol)
        && (Where is null || Where(packet));

    private static string End(string word, string? machine, IPAddress? address, int? port)
    {
        string?[] parts = [machine, address?.ToString(), port is { } number ? FormattableString.Invariant($"port {number}") : null];
        string end = string.Join(' ', parts.OfType<string>());
        return end.Length > 0 ? $" {word} {end}" : "";
    }
}
