using System.Net;
using Renci.SshNet;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// What somebody else needs to join a machine over SSH: SSH.NET, Ansible, or a person at a terminal. Good for as long as the machine runs.
/// </summary>
public sealed record SshDetails
{
    /// <summary>Gets sshd's address on the host: 127.0.0.1 and a port that the kernel chose.</summary>
    public required IPEndPoint Host { get; init; }

    /// <summary>Gets the user.</summary>
    public required string User { get; init; }

    /// <summary>Gets the file with the private key; no passphrase. It goes with the machine.</summary>
    public required string IdentityFile { get; init; }

    /// <summary>Gets the file with the host key, under the name <see cref="HostKeyAlias"/>. It goes with the machine.</summary>
    public required string KnownHostsFile { get; init; }

    /// <summary>
    /// Gets the name that stands for the machine in <see cref="KnownHostsFile"/> (ssh's option of that name); its port is another one each
    /// time.
    /// </summary>
    public required string HostKeyAlias { get; init; }

    /// <summary>
    /// Gets the <c>ssh</c> command's arguments, program first: the host key is checked, and nothing of the user's own <c>~/.ssh</c> is
    /// used.
    /// </summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>
    /// Makes what a client of SSH.NET needs: <c>new SshClient(vm.Ssh.ToConnectionInfo())</c>. No other host key than the guest's is
    /// accepted.
    /// </summary>
    /// <returns>A new one each time; one client at a time may use it.</returns>
    /// <exception cref="IOException">The machine has ended, and its files with it.</exception>
    public ConnectionInfo ToConnectionInfo()
    {
        ConnectionInfo connection = NewConnection();
        PinnedHostKey.In(KnownHostsFile).Require(connection);
        return connection;
    }

    /// <summary>The same, which accepts any host key.</summary>
    internal ConnectionInfo NewConnection()
    {
        // As ssh(1) has it: a certificate lies beside its key.
        string certificate = $"{IdentityFile}-cert.pub";
        PrivateKeyFile key = File.Exists(certificate)
            ? new PrivateKeyFile(IdentityFile, passPhrase: null, certificate)
            : new PrivateKeyFile(IdentityFile);
        return new ConnectionInfo(Host.Address.ToString(), Host.Port, User, new PrivateKeyAuthenticationMethod(User, key));
    }

    /// <summary>Gets <see cref="Arguments"/> as one line for a shell; a command for the guest may follow it.</summary>
    public string Command => ShellQuote.Join(Arguments);
}
