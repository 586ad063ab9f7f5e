using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>A shell command that ends with 0 in a guest that is up.</summary>
/// <param name="Command">The command.</param>
/// <param name="WaitsFor">What it waits for.</param>
/// <param name="Failure">What it means if it ends otherwise.</param>
internal sealed record ReadyCheck(string Command, string WaitsFor, string Failure)
{
    // A cloud-init that is switched off, or reads another source, ends well and has done nothing of what was asked for. Where user-data
    // asks for a restart (power_state), a child of cloud-init's last stage does that a moment after the stage has ended; the check is then
    // run again after it.
    private const string CloudInitCommand = """
        command -v cloud-init > /dev/null || { echo 'the image has no cloud-init, which MachineSpec.CloudInit is for'; exit 1; }
        cloud-init status --wait > /dev/null; code=$?
        while grep -aqs -e '--mode=fina[l]' /proc/[0-9]*/cmdline; do sleep 0.1; done
        case $(systemctl is-system-running 2> /dev/null) in stopping) exec sleep 3600 ;; esac
        [ $code = 0 ] && grep -q DataSourceNoCloud /run/cloud-init/result.json && exit 0
        tail -n 12 /var/log/cloud-init-output.log 2> /dev/null
        cloud-init status --long 2>&1
        exit 1
        """;

    private static readonly ReadyCheck CloudInit = new(CloudInitCommand, "cloud-init to finish", "cloud-init reports errors");

    // A kernel without a console on its frame buffer has none that blinks.
    private static readonly ReadyCheck StillCursor = new(
        "cd /sys/class/graphics/fbcon 2> /dev/null || exit 0; echo 0 > cursor_blink",
        "the cursor to stand still",
        "the cursor of Linux's console could not be made to stand still"
    );

    /// <summary>The checks for a machine, in order.</summary>
    /// <param name="spec">The machine; folders of the host are mounted by their checks, since these are what runs again after each
    /// reboot.</param>
    /// <param name="imageCommand">The image's own, or <see langword="null"/>.</param>
    /// <param name="seeded">Whether the machine has something for cloud-init.</param>
    public static IReadOnlyList<ReadyCheck> For(MachineSpec spec, string? imageCommand, bool seeded)
    {
        ReadyCheck[] own = imageCommand is null
            ? []
            : [new(imageCommand, $"the guest to be ready ({imageCommand})", "the image's ready command failed")];
        return
        [
            .. seeded ? (ReadyCheck[])[CloudInit] : [],
            .. own,
            .. spec.Display is Display.Deterministic ? (ReadyCheck[])[StillCursor] : [],
            .. spec.Shares.Select(Mounted),
        ];
    }

    // https://docs.kernel.org/filesystems/9p.html. Read-only on both sides; what the host's files are marked as means nothing here.
    private static ReadyCheck Mounted(HostShare share, int number)
    {
        string tag = QemuArguments.MountTag(number),
            at = ShellQuote.Quote(share.GuestPath);
        string command = $"""
            grep -q '^{tag} ' /proc/mounts && exit 0
            mkdir -p {at} || exit 1
            modprobe -q 9pnet_virtio; modprobe -q 9p
            mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,ro,nosuid,nodev {tag} {at}
            """;
        return new ReadyCheck(
            command,
            $"the share {share.HostPath} to be mounted at {share.GuestPath}",
            $"the share {share.HostPath} could not be mounted at {share.GuestPath}; the guest's kernel needs 9p and 9pnet_virtio"
        );
    }
}
