namespace TestHarness.Qemu;

/// <summary>QEMU's notation of a forwarded port: <c>tcp:127.0.0.1:0-:22</c>; with port 0 the kernel picks one. Pure.</summary>
internal static class ForwardRule
{
    public static string Of(PortForward forward) =>
        FormattableString.Invariant(
            $"{(forward.Protocol == ForwardProtocol.Udp ? "udp" : "tcp")}:127.0.0.1:{forward.HostPort}-:{forward.GuestPort}"
        );
}
