using System.Globalization;
using System.Net;
using TestHarness.Networks.Ethernet;

namespace TestHarness;

/// <summary>A packet that a network has seen, as its sender's card sent it. It may have been lost later.</summary>
public sealed record CapturedPacket
{
    internal CapturedPacket(CapturedFrame frame, string from, string? to) => (Time, Frame, From, To) = (frame.Time, frame.Bytes, from, to);

    /// <summary>Gets when it came in, in UTC.</summary>
    public DateTimeOffset Time { get; }

    /// <summary>Gets the name of the machine that sent it, whatever the packet says.</summary>
    public string From { get; }

    /// <summary>
    /// Gets the name of the machine whose card it is for, or <see langword="null"/> where it is for several or for no machine's. On its way
    /// through a router that is the router.
    /// </summary>
    public string? To { get; }

    /// <summary>Gets what it is.</summary>
    public PacketProtocol Protocol { get; internal init; } = PacketProtocol.Other;

    /// <summary>Gets the sender's IP address, of ARP, too; or <see langword="null"/>.</summary>
    public IPAddress? FromAddress { get; internal init; }

    /// <summary>
    /// Gets the receiver's IP address; of ARP the one that is asked for; or <see langword="null"/>.
    /// </summary>
    public IPAddress? ToAddress { get; internal init; }

    /// <summary>
    /// Gets the sender's port of TCP or UDP, or <see langword="null"/>. The second and later fragments of a packet have none.
    /// </summary>
    public int? FromPort { get; internal init; }

    /// <summary>Gets the receiver's port of TCP or UDP, or <see langword="null"/>.</summary>
    public int? ToPort { get; internal init; }

    /// <summary>Gets what TCP or UDP carries; of other IP packets, and of later fragments, all that IP carries.</summary>
    public ReadOnlyMemory<byte> Payload { get; internal init; }

    /// <summary>Gets the whole Ethernet frame, for a library such as PacketDotNet.</summary>
    public ReadOnlyMemory<byte> Frame { get; }

    /// <summary>Returns the time of day, both ends, the protocol and the bytes.</summary>
    /// <returns>A line.</returns>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Time:HH:mm:ss.fff} {End(From, FromAddress, FromPort)} to {End(To ?? "others", ToAddress, ToPort)}, "
        ) + string.Create(CultureInfo.InvariantCulture, $"{Protocol}, {Frame.Length} bytes");

    private static string End(string machine, IPAddress? address, int? port) =>
        (address, port) is (not null, not null) ? $"{machine} {new IPEndPoint(address, port.Value)}" : $"{machine} {address}".TrimEnd();
}
