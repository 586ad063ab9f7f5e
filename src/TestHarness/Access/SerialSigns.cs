using System.Text.RegularExpressions;

namespace TestHarness.Access;

/// <summary>What kernels, initramfs shells, init programs and firmware write to the serial console when a boot fails. Pure.</summary>
internal static partial class SerialSigns
{
    /// <summary>Judges a line, or what there is of one (a prompt ends without a line feed).</summary>
    /// <returns>The trouble, or <see langword="null"/>.</returns>
    public static GuestTrouble? Judge(string line)
    {
        string text = Timestamp().Replace(line.Trim('\r'), "");
        // kernel/panic.c and init/do_mounts.c
        if (Panic().Match(text) is { Success: true } panic)
        {
            if (MemoryPanic().IsMatch(text))
                return new GuestTrouble(
                    MachineFault.GuestOutOfMemory,
                    $"the guest's kernel ran out of memory and panicked: {panic.Groups[1].Value.Trim()}"
                );
            return RootMissing().IsMatch(text)
                ? new GuestTrouble(
                    MachineFault.NoRootDevice,
                    $"the guest's kernel found no root file system: {panic.Groups[1].Value.Trim()}"
                )
                : new GuestTrouble(MachineFault.KernelPanic, $"the guest's kernel panicked: {panic.Groups[1].Value.Trim()}");
        }

        // init/initramfs.c: the files of the initrd are in memory, which is full
        if (UnpackingFailed().IsMatch(text))
            return new GuestTrouble(MachineFault.GuestOutOfMemory, $"the guest's memory is too small for its initrd: {text.Trim()}");
        // initramfs-tools' local script, dracut's initqueue, and our own init.sh
        if (NoRoot().IsMatch(text))
            return new GuestTrouble(MachineFault.NoRootDevice, $"the guest's initramfs found no root device: {text.Trim()}");
        if (InitramfsShell().IsMatch(text))
            return new GuestTrouble(
                MachineFault.InitramfsShell,
                $"the guest's initramfs opened a shell on the console (\"{text.Trim()}\")"
            );
        // sulogin and systemd's emergency.service
        if (EmergencyShell().IsMatch(text))
            return new GuestTrouble(
                MachineFault.EmergencyShell,
                $"the guest's init opened an emergency shell on the console (\"{text.Trim()}\")"
            );
        return NothingToBoot().IsMatch(text)
            ? new GuestTrouble(MachineFault.NothingToBoot, $"nothing to boot was found (\"{text.Trim()}\")")
            : null;
    }

    /// <summary>
    /// Returns what a line says of a program that the guest's kernel ended for want of memory (mm/oom_kill.c), or <see langword="null"/>.
    /// That alone fails no boot.
    /// </summary>
    public static string? FindKill(string line) =>
        Timestamp().Replace(line.Trim('\r'), "") is var text && Killed().IsMatch(text) ? text.Trim() : null;

    /// <summary>Tells whether a line is a prompt for a user's name (getty(8)).</summary>
    public static bool IsLoginPrompt(string line) => LoginPrompt().IsMatch(line.Trim('\r'));

    [GeneratedRegex(@"^(\[ *\d+\.\d+\](\[ *[TC]\d+\])? )+")]
    private static partial Regex Timestamp();

    [GeneratedRegex(@"^Kernel panic - not syncing: (.+)$")]
    private static partial Regex Panic();

    [GeneratedRegex(@"System is deadlocked on memory|Out of memory")]
    private static partial Regex MemoryPanic();

    [GeneratedRegex(@"^Initramfs unpacking failed: write error")]
    private static partial Regex UnpackingFailed();

    [GeneratedRegex(@"^(Memory cgroup o|O)ut of memory: Kill")]
    private static partial Regex Killed();

    [GeneratedRegex(@"Unable to mount root fs|No working init found")]
    private static partial Regex RootMissing();

    [GeneratedRegex(
        @"^(ALERT!\s+\S+ does not exist|Gave up waiting for root|testharness: (no root device|root device )|dracut-initqueue\S*: "
            + @"Warning: Could not boot|mount: mounting \S+ on /root failed)"
    )]
    private static partial Regex NoRoot();

    [GeneratedRegex(@"^(\(initramfs\) ?|dracut:/#.*|rescue shell:.*)$")]
    private static partial Regex InitramfsShell();

    [GeneratedRegex(
        @"^(You are in (emergency|rescue) mode|Give root password for maintenance|Press Enter for maintenance|Cannot open access "
            + @"to console, the root account is locked|:/root# emergency)"
    )]
    private static partial Regex EmergencyShell();

    [GeneratedRegex(
        @"^(No bootable device\.?|Boot failed: .*|grub rescue> ?|error: no such partition\.?|Booting from Hard Disk "
            + @"failed.*|BdsDxe: No bootable option.*)$"
    )]
    private static partial Regex NothingToBoot();

    // The kernel's own words may follow on the line.
    [GeneratedRegex(@"^\S+ login: ?(\[ *\d+\.\d+\].*)?$")]
    private static partial Regex LoginPrompt();
}
