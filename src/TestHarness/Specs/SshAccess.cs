using TestHarness.Specs;

namespace TestHarness;

/// <summary>
/// Describes how a guest is reached over SSH. Without a key of the user's, the library makes one key for the guest's user and one for its
/// sshd, for this machine (or for the template that machines like it are restored from), and cloud-init puts both into the guest before
/// sshd starts. The host key is pinned: no other one is ever accepted.
/// </summary>
public sealed record SshAccess
{
    /// <summary>Gets the user to log in as: root, or one who may use <c>sudo</c> without a password. Default: <c>root</c>.</summary>
    public string User { get; init; } = "root";

    /// <summary>Gets sshd's TCP port in the guest. Default: 22.</summary>
    public int Port { get; init; } = 22;

    /// <summary>
    /// Gets the file with the private key that opens the guest, without a passphrase; <see cref="HostKey"/> then has to be given, too.
    /// Default: <see langword="null"/>, a key that the library makes and cloud-init installs for root and the image's default user.
    /// </summary>
    [HostPath]
    public string? IdentityFile { get; init; }

    /// <summary>
    /// Gets the public key of the guest's sshd, as in <c>/etc/ssh/ssh_host_ed25519_key.pub</c>: type and key, such as <c>ssh-ed25519
    /// AAAA…</c>. Default: <see langword="null"/>, a key that the library makes and cloud-init installs.
    /// </summary>
    public string? HostKey { get; init; }
}
