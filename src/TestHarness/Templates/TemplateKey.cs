using System.Security.Cryptography;
using System.Text;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Qemu;

namespace TestHarness.Templates;

/// <summary>
/// Says which starts may share a template: a hash of everything that the saved machine depends on. Pure, but for the identity of QEMU's
/// program.
/// </summary>
internal static class TemplateKey
{
    // Counts up when templates are made in another way.
    private const string Layout = "3";

    /// <summary>Makes the key.</summary>
    /// <param name="imageKey">The image's key: what it was made from.</param>
    /// <param name="program">Path of QEMU; its size and time stand for its version.</param>
    /// <param name="spec">The machine.</param>
    /// <param name="boot">What it boots from. What is measured on the host, or tried out on it, is left out: a busy one answers not always
    /// the same.</param>
    /// <param name="accelerator">What was chosen.</param>
    /// <param name="hostProcessor">Under KVM the host's (<see cref="HostProcessor"/>), otherwise empty: TCG's is QEMU's own.</param>
    public static string Make(
        string imageKey,
        string program,
        MachineSpec spec,
        BootFiles boot,
        Accelerator accelerator,
        string hostProcessor
    )
    {
        var qemu = new FileInfo(program);
        // The list has nothing of one machine's own in it but the name: sockets and overlays have the same relative names in every
        // machine's folder, and forwards and host name are given to the running machine.
        IEnumerable<string> parts =
        [
            Layout,
            // Whose the memory file is.
            FormattableString.Invariant($"{QemuUser.Id}"),
            imageKey,
            FormattableString.Invariant($"{program} {qemu.Length} {qemu.LastWriteTimeUtc.Ticks}"),
            FormattableString.Invariant($"{AgentProtocol.Version}"),
            hostProcessor,
            boot.Seed?.Key ?? "",
            $"{spec.GuestAccess} {AccessOf(spec)}",
            boot.Uefi?.Key ?? "",
            .. spec.Disks.Select(disk => FormattableString.Invariant($"{disk.SizeMiB}")),
            .. QemuArguments.Build(
                spec,
                boot with
                {
                    MeasuredArguments = () => "",
                    FileIo = FileIo.Threads,
                },
                "template",
                accelerator,
                MachineChannels.Library
            ),
        ];
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts)));
        return Convert.ToHexStringLower(hash)[..16];
    }

    // Not the user: the same keys let in whoever it is.
    private static SshAccess? AccessOf(MachineSpec spec) =>
        spec.Ssh is null && spec.GuestAccess != GuestAccess.Ssh ? null : (spec.Ssh ?? new SshAccess()) with { User = "" };

    /// <summary>What a guest under KVM sees of the host's processor, flags and all; saved on another one it may not run.</summary>
    public static string HostProcessor() =>
        string.Join(
            '\n',
            File.ReadLines("/proc/cpuinfo")
                .Where(line =>
                    line.StartsWith("model name", StringComparison.Ordinal) || line.StartsWith("flags", StringComparison.Ordinal)
                )
                .Distinct(StringComparer.Ordinal)
        );
}
