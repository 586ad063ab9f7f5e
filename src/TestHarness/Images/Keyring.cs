using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>The keys whose signatures on a source's files are believed; gpgv checks them, and knows no other keys.</summary>
internal sealed class Keyring(string source, string file)
{
    private static readonly byte[] Armour = "-----BEGIN"u8.ToArray();

    private readonly string _file = Path.GetFullPath(file);

    /// <summary>Refuses a keyring that can't be read, and a host without gpgv, before anything is fetched.</summary>
    /// <exception cref="ImageException">It can't be read.</exception>
    /// <exception cref="HostNotReadyException">gpgv is missing.</exception>
    public void Require()
    {
        Prerequisites.Require(["gpgv", "prlimit", "setpriv"]);
        try
        {
            using FileStream keys = File.OpenRead(_file);
            var start = new byte[Armour.Length];
            int count = keys.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            if (count == 0)
                throw Unusable("it is empty", null);
            if (LfsPointer.Is(_file))
                throw Unusable(LfsPointer.Reason, LfsPointer.Remedy);
            if (start.AsSpan().SequenceEqual(Armour))
                throw Unusable(
                    "it is armoured text, which gpgv does not take",
                    $"gpg --dearmor '{_file}'; the result has the ending .gpg."
                );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable(e.Message, null);
        }
    }

    /// <summary>Checks a file's signature; returns a file with only what was signed, of at most <paramref name="mostBytes"/>.</summary>
    /// <exception cref="ImageException">It has none of these keys that is good.</exception>
    public async Task<string> VerifyAsync(WorkFolder work, string name, string signed, long mostBytes, CancellationToken cancellationToken)
    {
        string output = $"{signed}.signed";
        HelperResult result = await HelperProgram
            .RunAsync(
                "prlimit",
                // What is signed may be packed, and have no end.
                [
                    $"--fsize={mostBytes}",
                    Prerequisites.Find("gpgv"),
                    "--homedir",
                    work.Path,
                    "--keyring",
                    _file,
                    "--status-fd",
                    "1",
                    "--output",
                    output,
                    "--",
                    signed,
                ],
                null,
                cancellationToken
            )
            .ConfigureAwait(false);
        // A key that has expired or was revoked ends with 0 as well, but is not called good.
        if (
            result.ExitCode == 0
            && File.Exists(output)
            && result.StandardOutput.Split('\n').Any(line => line.StartsWith("[GNUPG:] GOODSIG ", StringComparison.Ordinal))
        )
            return output;
        throw new ImageException(
            source,
            new FailureText($"Image source '{source}': its file '{name}' has no good signature.")
                .Add("Keyring", _file)
                .Add("gpgv says", result.StandardError)
                .Try(
                    "a keyring with the publisher's own key; where it has that, the file was changed on its way, or is not the publisher's."
                )
        );
    }

    private ImageException Unusable(string reason, string? remedy) =>
        new(
            source,
            new FailureText($"Image source '{source}': the keyring can't be used.").Add("Keyring", _file).Add("Reason", reason).Try(remedy)
        );
}
