using System.Net;
using System.Text.Json;
using TestHarness.Templates;

namespace TestHarness.Machines;

/// <summary>
/// Says which specs may share spares: a text of everything that a machine is described by. Written out member by member, for a serializer
/// sees of a value only what the member's type has (of an <see cref="EndPoint"/> nothing but its family). A test fails for a member that is
/// missing here.
/// </summary>
internal static class SpareKey
{
    /// <summary>Members that leave the machine itself as it is, by type and name.</summary>
    public static IReadOnlyList<string> Ignored { get; } = [$"{nameof(MachineSpec)}.{nameof(MachineSpec.Spares)}"];

    /// <summary>Makes the key: equal where two specs describe the same machine.</summary>
    public static string Of(MachineSpec spec) =>
        JsonSerializer.Serialize(
            new object?[]
            {
                spec.Image,
                spec.ImageFormat,
                spec.ImageSha256,
                spec.Firmware,
                spec.Kernel,
                spec.Initrd,
                spec.Cpus,
                spec.MemoryMiB,
                spec.Hostname,
                spec.KernelArguments,
                List(spec.PortForwards, forward => [forward.GuestPort, forward.HostPort, forward.Protocol]),
                List(spec.GuestReaches, reach => [reach.GuestPort, .. Of(reach.Host), reach.Protocol, reach.Name]),
                spec.Network,
                List(spec.CardsOnNetworks, card =>
                    [card.Network, card.Mac?.ToString(), card.Mtu, .. card.Addresses.Select(one => one.ToString())]
                ),
                List(spec.Disks, disk => [disk.SizeMiB]),
                List(spec.Shares, share => [share.HostPath, share.GuestPath]),
                spec.SerialPorts,
                spec.Setup.Select(LayerKeys.ContentOf).ToArray(),
                spec.CloudInit is { } cloudInit ? Of(cloudInit) : null,
                spec.GuestAccess,
                spec.Ssh is { } ssh ? new object?[] { ssh.User, ssh.Port, ssh.IdentityFile, ssh.HostKey } : null,
                spec.Display,
                spec.Clock,
                spec.Type,
                spec.Accelerator,
                spec.Start,
                spec.Forkable,
                spec.QemuPath,
                spec.DiskFolder,
                spec.ExtraQemuArguments,
                spec.StartTimeout,
                spec.StartRetries,
                spec.NoProgressTimeout,
                spec.StopTimeout,
                spec.Secrets,
                spec.CollectOnFailure,
            }
        );

    private static object?[] Of(CloudInit cloudInit) =>
        [
            cloudInit.UserData,
            List(cloudInit.Users, user => [user.Name, user.AuthorizedKeys, user.Groups, user.Sudo]),
            cloudInit.AuthorizedKeys,
            cloudInit.Packages,
            List(cloudInit.Files, file => [file.Path, file.Content, file.Permissions, file.Owner]),
            cloudInit.Commands,
            cloudInit.MetaData,
            cloudInit.NetworkConfig,
        ];

    // As the system calls it: a path and an abstract socket look the same as text.
    private static object?[] Of(EndPoint host) =>
        host is DnsEndPoint name
            ? [name.AddressFamily, name.Host, name.Port]
            : [host.AddressFamily, Convert.ToHexString(host.Serialize().Buffer.Span[..host.Serialize().Size])];

    private static object?[][] List<T>(IEnumerable<T> items, Func<T, object?[]> members) => [.. items.Select(members)];
}
