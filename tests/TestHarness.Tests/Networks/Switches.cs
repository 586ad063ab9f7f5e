using TestHarness.Networks.Ethernet;

namespace TestHarness.Tests.Networks;

internal static class Switches
{
    /// <summary>A switch with a capture of 64 KiB, and faults by the seed 1.</summary>
    public static EthernetSwitch New(TimeProvider? time = null)
    {
        TimeProvider clock = time ?? TimeProvider.System;
        return new EthernetSwitch(clock, new FrameCapture(64 * 1024, clock), new LinkFaults("lan", 1, clock));
    }
}
