using Renci.SshNet;
using Renci.SshNet.Common;
using Renci.SshNet.Security;

namespace TestHarness.Specs;

/// <summary>The only key that a machine's sshd may have.</summary>
internal sealed class PinnedHostKey
{
    private const string Rsa = "ssh-rsa";

    private readonly byte[] _key;
    private readonly string[] _algorithms;

    /// <param name="key">Its type and the key in base64, as in an <c>authorized_keys</c> (sshd(8)); more may follow.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public PinnedHostKey(string key)
    {
        string[] parts = key.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length < 2)
            throw new FormatException($"\"{key}\" is not a type and a key");
        _key = Convert.FromBase64String(parts[1]);
        // One kind of key, which two newer algorithms sign with (RFC 8332).
        _algorithms = parts[0] == Rsa ? ["rsa-sha2-512", "rsa-sha2-256"] : [parts[0]];
    }

    public static bool IsOne(string key) =>
        key.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var text, ..]
        && Convert.TryFromBase64String(text, new byte[text.Length], out _);

    /// <summary>Reads the one key that a file of known hosts has, behind the name that it is for.</summary>
    public static PinnedHostKey In(string knownHosts) => new(File.ReadAllText(knownHosts).Split(' ', 2)[1]);

    public bool Is(byte[] offered) => _key.AsSpan().SequenceEqual(offered);

    /// <summary>Asks the server for a key of this type first; what it has may still be another one.</summary>
    public void Prefer(ConnectionInfo connection)
    {
        for (int i = 0; i < _algorithms.Length; i++)
        {
            if (!connection.HostKeyAlgorithms.Remove(_algorithms[i], out Func<byte[], KeyHostAlgorithm>? make))
                continue;
            connection.HostKeyAlgorithms.Insert(i, _algorithms[i], make);
        }
    }

    /// <summary>Makes the connection take this key alone, whoever connects.</summary>
    public void Require(ConnectionInfo connection)
    {
        foreach ((string name, Func<byte[], KeyHostAlgorithm> make) in connection.HostKeyAlgorithms.ToArray())
        {
            connection.HostKeyAlgorithms.Remove(name);
            if (_algorithms.Contains(name))
                connection.HostKeyAlgorithms.Add(name, offered => Is(offered) ? make(offered) : throw Mismatch());
        }
    }

    private static SshConnectionException Mismatch() =>
        new("The server's host key is not the one that was pinned.", Renci.SshNet.Messages.Transport.DisconnectReason.HostKeyNotVerifiable);
}
