namespace TestHarness.Networks.Answers;

/// <summary>The options that are read and written (RFC 2132, RFC 3397).</summary>
internal enum DhcpOption : byte
{
    SubnetMask = 1,
    NameServer = 6,
    DomainName = 15,
    Mtu = 26,
    BroadcastAddress = 28,
    RequestedAddress = 50,
    LeaseTime = 51,
    MessageType = 53,
    ServerIdentifier = 54,
    DomainSearch = 119,
}
