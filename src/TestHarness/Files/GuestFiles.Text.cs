using System.Text;
using TestHarness.Errors;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness;

// Single files and strings: one command with the content as its input or output, so a guest without rsync has them, too.
public sealed partial class GuestFiles
{
    // More than a test reads into a string on purpose; it is refused and not cut.
    private const int LargestRead = 1024 * 1024 * 1024;

    // $1 file, $2 its folder, $3 temporary name beside it, $4 mode, $5 owner. Readers see the old content or the new, never a part. What is
    // secret in it is nobody's to read in between.
    private const string Write = """
        if [ -d "$1" ]; then echo "$1: Is a directory" >&2; exit 1; fi
        mkdir -p -- "$2" || exit 1
        mode=$4 owner=$5
        if [ -f "$1" ]; then
          [ -n "$mode" ] || mode=$(stat -L -c %a -- "$1")
          [ -n "$owner" ] || owner=$(stat -L -c %u:%g -- "$1")
        fi
        umask 077
        cat > "$3" && { [ -z "$owner" ] || chown -- "$owner" "$3"; } && chmod "${mode:-644}" "$3" && mv -f -- "$3" "$1" && exit 0
        rm -f -- "$3"
        exit 1
        """;

    /// <summary>
    /// Writes a file in the guest, without rsync: readers see the old content or the new one, never a part. Missing folders are made; a
    /// symbolic link at the path is replaced, not followed.
    /// </summary>
    /// <param name="guestPath">The file, absolute.</param>
    /// <param name="text">The content, written as UTF-8.</param>
    /// <param name="options">How. Default: mode and owner of the file that is there, else 0644 and root; at most 10 minutes.</param>
    /// <param name="cancellationToken">Ends the writing; the file is then as it was.</param>
    /// <returns>A task for the writing.</returns>
    /// <exception cref="GuestCommandException">It could not be written; the guest's words are in the message.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public Task WriteTextAsync(
        string guestPath,
        string text,
        GuestFileOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        return WriteBytesAsync(guestPath, Encoding.UTF8.GetBytes(text), options, cancellationToken);
    }

    /// <summary>Writes a file in the guest, as <see cref="WriteTextAsync"/> does.</summary>
    /// <param name="guestPath">The file, absolute.</param>
    /// <param name="bytes">The content.</param>
    /// <param name="options">How. Default: mode and owner of the file that is there, else 0644 and root; at most 10 minutes.</param>
    /// <param name="cancellationToken">Ends the writing; the file is then as it was.</param>
    /// <returns>A task for the writing.</returns>
    /// <exception cref="GuestCommandException">It could not be written; the guest's words are in the message.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task WriteBytesAsync(
        string guestPath,
        ReadOnlyMemory<byte> bytes,
        GuestFileOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        GuestPath.RequireAbsolute(guestPath);
        options ??= GuestFileOptions.Default;
        string folder = guestPath[..(guestPath.LastIndexOf('/') + 1)];
        string temporary = $"{folder}.testharness-{Guid.NewGuid():N}";
        string mode = options.Mode is { } bits ? Convert.ToString((int)bits, 8) : "";
        using var content = new MemoryStream(bytes.ToArray(), writable: false);
        var run = new ShellOptions { StandardInput = content, Timeout = options.Timeout };
        try
        {
            await _shell
                .RunDescribedAsync(
                    $"writing '{guestPath}' in the guest",
                    ["/bin/sh", "-c", Write, "sh", guestPath, folder, temporary, mode, options.Owner ?? ""],
                    run,
                    cancellationToken
                )
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or WaitTimeoutException)
        {
            await RemoveAsync(temporary).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Reads a file of the guest as UTF-8, without rsync; what is not valid becomes U+FFFD.</summary>
    /// <param name="guestPath">The file, absolute.</param>
    /// <param name="timeout">The limit. Default: 10 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The content.</returns>
    /// <exception cref="GuestCommandException">It could not be read, or has more than 1 GiB.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<string> ReadTextAsync(string guestPath, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Encoding.UTF8.GetString(await ReadBytesAsync(guestPath, timeout, cancellationToken).ConfigureAwait(false));

    /// <summary>Reads a file of the guest, without rsync.</summary>
    /// <param name="guestPath">The file, absolute.</param>
    /// <param name="timeout">The limit. Default: 10 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The content.</returns>
    /// <exception cref="GuestCommandException">It could not be read, or has more than 1 GiB.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<byte[]> ReadBytesAsync(string guestPath, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        GuestPath.RequireAbsolute(guestPath);
        var run = new ShellOptions { Timeout = timeout, MaxOutputBytes = LargestRead };
        ShellResult read = await _shell
            .RunDescribedAsync($"reading '{guestPath}' of the guest", ["cat", "--", guestPath], run, cancellationToken)
            .ConfigureAwait(false);
        if (read.Truncated)
        {
            throw new GuestCommandException(
                _machine.Facts(),
                read.Command,
                new FailureText($"Machine '{_machine.Name}': '{guestPath}' has more than {LargestRead} bytes.").Try(
                    "PullAsync, which copies it to a file."
                )
            );
        }

        return read.StandardOutputBytes.ToArray();
    }

    /// <summary>
    /// Tells whether a path exists in the guest: a file, a folder, a symbolic link that leads nowhere, or anything else that a path can
    /// name.
    /// </summary>
    /// <param name="guestPath">The path, absolute.</param>
    /// <param name="timeout">The limit. Default: 10 minutes, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    /// <returns>Whether it exists.</returns>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task<bool> ExistsAsync(string guestPath, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        GuestPath.RequireAbsolute(guestPath);
        var run = new ShellOptions { Timeout = timeout };
        ShellResult found = await _shell
            .TryRunAsync(["test", "-e", guestPath, "-o", "-L", guestPath], run, cancellationToken)
            .ConfigureAwait(false);
        return found.ExitCode == 0;
    }

    // The command was killed before it could.
    private async Task RemoveAsync(params string[] temporary) =>
        await Task.WhenAny(RemoveNowAsync(temporary), _machine.Time.Delay(Aftermath.Removal)).ConfigureAwait(false);

    // Whatever comes in between: the reason for which the writing ended is what counts.
    private async Task RemoveNowAsync(string[] temporary)
    {
        try
        {
            var limit = new ShellOptions { Timeout = TimeSpan.FromSeconds(10) };
            await _shell.TryRunAsync(["rm", "-f", "--", .. temporary], limit, CancellationToken.None).ConfigureAwait(false);
        }
        catch (TestHarnessException) { }
    }
}
