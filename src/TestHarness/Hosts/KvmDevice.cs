using System.Runtime.InteropServices;

namespace TestHarness.Hosts;

/// <summary>
/// KVM's device as the user that QEMU runs as finds it. That it opens does not prove that guests run: that is for <c>AcceleratorProbe</c>.
/// </summary>
/// <param name="Obstacle">Why QEMU can't open it, as a clause; <see langword="null"/> where it can.</param>
/// <param name="Remedy">What to do about that.</param>
/// <param name="Group">The group that QEMU's user must be put into to open it; <see langword="null"/>: none.</param>
/// <param name="Identity">Changes with the device and its permissions.</param>
internal sealed record KvmDevice(string? Obstacle, string? Remedy, uint? Group, string Identity)
{
    public const string DefaultPath = "/dev/kvm";

    /// <summary>Looks at the device; quick, and waits for nothing.</summary>
    public static KvmDevice Look(string path)
    {
        FileStatus? status = Native.StatusOf(path);
        int error = status is { IsCharacterDevice: true } ? Native.TryOpen(path) : 0;
        return Judge(path, status, error, QemuUser.IsOther);
    }

    /// <summary>Says whether QEMU can open the device. Pure, but for the names of groups.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="status">What is there.</param>
    /// <param name="openError">How opening it failed for this process's user; 0: it did not.</param>
    /// <param name="otherUser">QEMU runs as an unprivileged user, for this process is root.</param>
    public static KvmDevice Judge(string path, FileStatus? status, int openError, bool otherUser)
    {
        if (status is not { } device)
        {
            return Closed(
                $"there is no {path}",
                "load KVM's module (sudo modprobe kvm_amd or kvm_intel; virtualisation is switched on in the firmware); "
                    + "in a container: docker run --device /dev/kvm; in a virtual machine: its host must allow nested virtualisation."
            );
        }

        if (!device.IsCharacterDevice)
            return Closed(
                $"{path} is {device.Type}, not a character device",
                $"remove {path} and load KVM's module again; in a container: docker run --device /dev/kvm."
            );
        if (openError == Native.ErrorAccess && !otherUser)
            return Closed(
                $"{path} can't be opened by this user (mode {device.Permissions}, group {NameOf(device.Group)})",
                Opening(path, device)
            );
        if (openError != 0)
        {
            string remedy = openError is Native.ErrorAccess or Native.ErrorNotPermitted
                ? "the container's device rules forbid it: docker run --device /dev/kvm."
                : "see what the kernel says of it: sudo dmesg | grep -i kvm";
            return Closed($"{path} can't be opened ({Marshal.GetPInvokeErrorMessage(openError)})", remedy);
        }

        if (!otherUser || device.OthersMayReadAndWrite)
            return new KvmDevice(null, null, null, device.Identity);
        // Root's group opens more than this device, so QEMU is not put into that one.
        return device.GroupMayReadAndWrite && device.Group != 0
            ? new KvmDevice(null, null, device.Group, device.Identity)
            : Closed(
                $"{path} can't be opened by the unprivileged user that QEMU runs as where the tests run as root (mode "
                    + $"{device.Permissions}, group {NameOf(device.Group)})",
                $"sudo chmod a+rw {path}, or sudo groupadd -f kvm && sudo chgrp kvm {path} && sudo chmod g+rw {path} (QEMU is "
                    + "then put into that group)."
            );
    }

    private static KvmDevice Closed(string obstacle, string remedy) => new(obstacle, remedy, null, "");

    private static string Opening(string path, FileStatus device) =>
        device.GroupMayReadAndWrite && device.Group != 0
            ? $"sudo usermod -aG {NameOf(device.Group)} \"$USER\", then log in again."
            : $"sudo chmod a+rw {path}, or sudo groupadd -f kvm && sudo chgrp kvm {path} && sudo chmod g+rw {path} && sudo "
                + "usermod -aG kvm \"$USER\", then log in again.";

    private static string NameOf(uint group)
    {
        string number = group.ToString(System.Globalization.CultureInfo.InvariantCulture);
        try
        {
            // name:password:number:members (group(5)).
            return File.ReadLines("/etc/group")
                .Select(line => line.Split(':'))
                .FirstOrDefault(entry => entry.Length > 2 && entry[2] == number)
                ?[0]
                ?? number;
        }
        catch (IOException)
        {
            return number;
        }
    }
}
