namespace TestHarness.Errors;

/// <summary>What to try when a machine did not start, or was ended by its host.</summary>
internal static class StartAdvice
{
    public static string? For(MachineFault fault) =>
        fault switch
        {
            MachineFault.NoRootDevice =>
                "name the disk with root= in MachineSpec.KernelArguments (the first disk of ours is /dev/vda), and have its "
                    + "drivers in the initrd.",
            MachineFault.InitramfsShell or MachineFault.EmergencyShell =>
                "read the serial log above for what failed before the shell; a disk in /etc/fstab that is not there is the usual reason.",
            MachineFault.NoWayIn =>
                "the image needs the agent, an sshd or a QEMU guest agent that lets the library in; see MachineSpec.GuestAccess.",
            MachineFault.HostKeyMismatch =>
                "give the guest's own key as SshAccess.HostKey, or give none and let cloud-init install the library's; if neither "
                    + "is wrong, something else answers there.",
            MachineFault.AccessRefused => "see MachineSpec.GuestAccess and MachineSpec.Ssh for what each way in needs.",
            MachineFault.NoProgress =>
                "if the guest really waits that long, raise MachineSpec.NoProgressTimeout; a kernel that is silent may lack "
                    + "console= for the serial port.",
            MachineFault.Deadline => "raise MachineSpec.StartTimeout, or give the machine less to do at its boot.",
            MachineFault.NothingToBoot => "the disk has no boot loader: name a kernel, or check that it is the right disk.",
            MachineFault.GuestNotReady =>
                "read the output above: what failed is in the guest, its user-data (MachineSpec.CloudInit) or its image's ready command.",
            MachineFault.GuestOutOfMemory => "give the machine more memory (MachineSpec.MemoryMiB).",
            MachineFault.HostDiskFull =>
                "make room, or point TESTHARNESS_RUN to a larger file system; if there is room, a quota or a limit on the size of "
                    + "files (ulimit -f) ended the write.",
            MachineFault.HostDiskFailed =>
                "see the host's kernel log (dmesg) for errors of its disk; change no image or template while machines run on it, "
                    + "and make a damaged one again.",
            MachineFault.BootLoop =>
                "read the serial log from its beginning: the disk may hold no system for this firmware, or its kernel ends at once.",
            MachineFault.HostOutOfMemory =>
                "give machines less memory (MachineSpec.MemoryMiB, TESTHARNESS_MEMORY_MIB), run fewer at once, or raise the limit "
                    + "of the control group or container.",
            _ => null,
        };
}
