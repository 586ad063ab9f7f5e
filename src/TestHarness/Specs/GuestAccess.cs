namespace TestHarness;

/// <summary>
/// How the library gets into a guest. Except for <see cref="None"/>, every way ends with the library's agent running in the guest (one
/// static program for Linux on amd64), so <see cref="Shell"/> and <see cref="GuestFiles"/> behave the same. The ways differ in how the
/// agent gets into the guest, and in which channel carries its traffic.
/// </summary>
public enum GuestAccess
{
    /// <summary>
    /// The agent, where the image has it. Otherwise whichever answers, preferred in this order: the agent that cloud-init installs, SSH
    /// where <see cref="MachineSpec.Ssh"/> says how, the QEMU guest agent. <see cref="VirtualMachine.Access"/> tells which one it was.
    /// </summary>
    Auto,

    /// <summary>The agent on its virtio-serial port, from the image or installed by cloud-init. Needs no network; the quickest.</summary>
    Agent,

    /// <summary>
    /// SSH (the host's OpenSSH client): the agent comes and talks over an ssh session, and nothing of the guest is changed but a file in a
    /// memory file system. Needs a network card and an sshd. See <see cref="MachineSpec.Ssh"/>.
    /// </summary>
    Ssh,

    /// <summary>
    /// The QEMU guest agent (<c>qemu-ga</c>), which starts the library's agent. Needs no network, but a <c>qemu-ga</c> that may run
    /// commands (<c>guest-exec</c>).
    /// </summary>
    GuestAgent,

    /// <summary>
    /// None: nothing in the guest answers. The machine counts as started once its processors run, always boots (there is no moment to make
    /// a warm template at), and console, screen, keyboard and forwarded ports are what there is of it.
    /// </summary>
    None,
}
