using System.Net;

namespace TestHarness.Networks.Answers;

/// <summary>What the switch itself goes by on a network.</summary>
/// <param name="Network">The network's name, which is the domain of its names, too.</param>
/// <param name="IPv4">Its address.</param>
/// <param name="IPv6">Its address.</param>
internal sealed record SwitchHost(string Network, IPAddress IPv4, IPAddress IPv6)
{
    /// <summary>How many routers its packets may pass: there is none.</summary>
    public const byte HopLimit = 64;

    private readonly byte[][] _addresses =
    [
        IPv4.GetAddressBytes(),
        IPv6.GetAddressBytes(),
        SelfMadeAddress.OnLink(MacOf(Network)).GetAddressBytes(),
    ];

    public MacAddress Mac { get; } = MacOf(Network);

    public ReadOnlySpan<byte> BytesV4 => _addresses[0];

    public ReadOnlySpan<byte> BytesV6 => _addresses[1];

    /// <summary>That which routers are known by.</summary>
    public ReadOnlySpan<byte> BytesOnLink => _addresses[2];

    public bool Has(ReadOnlySpan<byte> address)
    {
        foreach (byte[] own in _addresses)
        {
            if (address.SequenceEqual(own))
                return true;
        }

        return false;
    }

    // No machine's card is called so.
    private static MacAddress MacOf(string network) => MacAddress.For($"{AddressBook.Switch}.{network}");
}
