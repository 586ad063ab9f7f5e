using FluentAssertions;
using TestHarness.Agents;
using TestHarness.Networks;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class ForwardedPortTests
{
    [Fact]
    public void Reads_what_QEMU_prints()
    {
        const string Printed = """
            Hub -1 (net0):
              Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
              TCP[HOST_FORWARD]  12       127.0.0.1 40001       10.0.2.15    22     0     0
              UDP[HOST_FORWARD]  13       127.0.0.1 40002       10.0.2.15    53     0     0
              TCP[ESTABLISHED]   14       127.0.0.1 40003       10.0.2.15    80     0     0
            """;

        ForwardedPort
            .Parse(Printed)
            .Select(port => $"{port.Protocol} {port.GuestPort} {port.Host}")
            .Should()
            .Equal("Tcp 22 127.0.0.1:40001", "Udp 53 127.0.0.1:40002");
    }
}
