using TestHarness.Errors;
using TestHarness.Specs;

namespace TestHarness.Hosts;

/// <summary>
/// The files of a machine's SSH access, in a folder of its run folder: the key that opens the guest, and the known hosts. Only this
/// process's user reads them.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class SshFiles(string folder)
{
    /// <summary>The name that stands for the machine in the known hosts.</summary>
    public const string Alias = "testharness";

    private const string IdentityName = "id";
    private const string HostKeyName = "host";
    private const string KnownHostsName = "known_hosts";

    private static readonly string[] KeyNames = [IdentityName, $"{IdentityName}.pub", HostKeyName, $"{HostKeyName}.pub", KnownHostsName];

    public string Identity => Path.Combine(folder, IdentityName);

    public string KnownHosts => Path.Combine(folder, KnownHostsName);

    /// <summary>The public half of the key that opens the guest, as it stands in an <c>authorized_keys</c>.</summary>
    public string PublicKey => ReadKey($"{Identity}.pub");

    /// <summary>The only host key that is accepted.</summary>
    public PinnedHostKey Pinned => PinnedHostKey.In(KnownHosts);

    /// <summary>The host key that was made for the guest's sshd: both halves.</summary>
    public (string Private, string Public) HostKey
    {
        get
        {
            string path = Path.Combine(folder, HostKeyName);
            return (File.ReadAllText(path), ReadKey($"{path}.pub"));
        }
    }

    /// <summary>
    /// Makes the key that opens the guest, and with <paramref name="hostKey"/> one for its sshd, which is then the only one known.
    /// </summary>
    public async Task MakeAsync(bool hostKey, CancellationToken cancellationToken)
    {
        CreateFolder();
        await MakeKeyAsync(Identity, cancellationToken).ConfigureAwait(false);
        if (!hostKey)
            return;
        await MakeKeyAsync(Path.Combine(folder, HostKeyName), cancellationToken).ConfigureAwait(false);
        Pin(HostKey.Public);
    }

    /// <summary>Makes a public host key the only one that is accepted.</summary>
    public void Pin(string hostKey)
    {
        CreateFolder();
        File.WriteAllText(KnownHosts, $"{Alias} {hostKey.Trim()}\n");
    }

    /// <summary>Copies the keys to a folder that is kept, or from there.</summary>
    public void CopyTo(string other)
    {
        new SshFiles(other).CreateFolder();
        foreach (string name in KeyNames.Where(name => File.Exists(Path.Combine(folder, name))))
        {
            File.Copy(Path.Combine(folder, name), Path.Combine(other, name));
            // A key that others could read ssh refuses.
            File.SetUnixFileMode(Path.Combine(other, name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private static async Task MakeKeyAsync(string path, CancellationToken cancellationToken)
    {
        HelperResult result = await HelperProgram
            .RunAsync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", Alias, "-f", path], null, cancellationToken)
            .ConfigureAwait(false);
        if (result.ExitCode != 0)
            throw new HostNotReadyException(
                new FailureText("ssh-keygen could not make a key.").Add("File", path).Add("Reason", result.StandardError)
            );
    }

    // Type and key, without the comment.
    private static string ReadKey(string path) => string.Join(' ', File.ReadAllText(path).Split(' ')[..2]);

    private void CreateFolder() =>
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
}
