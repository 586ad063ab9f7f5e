using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace TestHarness.Tests.Networks;

/// <summary>Makes frames as the standards have them, without checksums.</summary>
internal static class Frames
{
    public const byte Icmp = 1;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte IcmpV6 = 58;

    public static MacAddress Everybody { get; } = MacAddress.Parse("ff:ff:ff:ff:ff:ff");

    public static byte[] Ethernet(MacAddress to, MacAddress from, int type, params byte[] carried) =>
        [.. to.ToBytes(), .. from.ToBytes(), .. Number(type), .. carried];

    public static byte[] Arp(MacAddress from, string sender, string target) =>
        Ethernet(
            Everybody,
            from,
            0x0806,
            [
                .. (byte[])[0, 1, 8, 0, 6, 4, 0, 1],
                .. from.ToBytes(),
                .. IPAddress.Parse(sender).GetAddressBytes(),
                .. new byte[6],
                .. IPAddress.Parse(target).GetAddressBytes(),
            ]
        );

    /// <summary>An IP packet of either family in a frame.</summary>
    public static byte[] Ip(MacAddress to, MacAddress from, string sender, string target, byte protocol, params byte[] carried)
    {
        IPAddress source = IPAddress.Parse(sender);
        bool isFour = source.AddressFamily == AddressFamily.InterNetwork;
        byte[] ends = [.. source.GetAddressBytes(), .. IPAddress.Parse(target).GetAddressBytes()];
        byte[] head = isFour
            ? [0x45, 0, .. Number(20 + carried.Length), 0, 1, 0, 0, 64, protocol, 0, 0]
            : [0x60, 0, 0, 0, .. Number(carried.Length), protocol, 64];
        return Ethernet(to, from, isFour ? 0x0800 : 0x86DD, [.. head, .. ends, .. carried]);
    }

    public static byte[] OfTcp(int from, int to, params byte[] payload) =>
        [.. Number(from), .. Number(to), .. new byte[8], 0x50, 0x18, .. new byte[6], .. payload];

    public static byte[] OfUdp(int from, int to, params byte[] payload) =>
        [.. Number(from), .. Number(to), .. Number(8 + payload.Length), 0, 0, .. payload];

    /// <summary>What QEMU sends: a frame with its length before it.</summary>
    public static byte[] Stream(byte[] frame)
    {
        byte[] stream = new byte[4 + frame.Length];
        BinaryPrimitives.WriteInt32BigEndian(stream, frame.Length);
        frame.CopyTo(stream, 4);
        return stream;
    }

    private static byte[] Number(int value) => [(byte)(value >> 8), (byte)value];
}
