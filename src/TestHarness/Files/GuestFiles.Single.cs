using System.Globalization;
using TestHarness.Agents;
using TestHarness.Files;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness;

// A push of one file, as it mostly is: one command with the content as its input. rsync in the guest takes three times as long for the same
// bytes.
public sealed partial class GuestFiles
{
    // $1 target, $2 the source's name, $3 temporary name, $4 size, $5 seconds and $6 nanoseconds of the last change, $7 mode, $8 umask that
    // gives a new file that mode as far as it does not run, $9 chmod where that is not all of it, else the shell's own true: in an emulated
    // guest each program costs 30 ms. Says what it did, in the words of SyncChangeKind; nothing where size and time are the same, as rsync
    // has it. It reads its input only where it needs it.
    private const string Receive = """
        target=$1
        case $target in */) mkdir -p -- "$target" && target=$target$2 ;; esac
        [ -d "$target" ] && target=$target/$2
        if [ -d "$target" ]; then echo "$target: Is a directory" >&2; exit 1; fi
        folder=${target%/*}/
        [ -d "$folder" ] || mkdir -p -- "$folder" || exit 1
        kind=Created
        if [ -e "$target" ] || [ -L "$target" ]; then kind=Updated; fi
        if [ -f "$target" ] && [ ! -L "$target" ] && [ "$(stat -c '%s %Y' -- "$target")" = "$4 $5" ]; then
          [ "$(stat -c %a -- "$target")" = "$7" ] && exit 0
          chmod "$7" "$target" && echo AttributesSet
          exit
        fi
        umask "$8"
        temporary=$folder$3
        # What is large goes past the page cache, which costs an emulated processor as much as all the rest.
        # Not every dd and file system can; that is told before anything is read.
        receive() {
          [ "$1" -ge 4194304 ] || { cat > "$temporary"; return; }
          # In one piece: the file system then has a fifth of the work; where it cannot, dd still can.
          fallocate -l "$1" "$temporary" 2> /dev/null
          error=$(LC_ALL=C dd of="$temporary" bs=1M iflag=fullblock oflag=direct conv=notrunc status=none 2>&1) && return
          case $error in
            "dd: can't open"* | 'dd: failed to open'* | 'dd: invalid'*) cat > "$temporary" ;;
            *) echo "$error" >&2; return 1 ;;
          esac
        }
        if receive "$4" && "$9" "$7" "$temporary" && { touch -d "@$5.$6" "$temporary" 2> /dev/null || touch -d "@$5" "$temporary"; }; then
          mv -f -- "$temporary" "$target" && echo $kind && exit 0
        fi
        rm -f -- "$temporary"
        exit 1
        """;

    private const int Permissions = 0b111_111_111;

    // What a shell asks for when it makes a file.
    private const int PlainFile = 0b110_110_110;

    private static bool IsSingleFile(SyncRequest request) =>
        request
            is {
                IsPush: true,
                Options: { Exclude.Count: 0, Delete: false, Owner: null, Permissions: null, Sparse: false, DryRun: false, Progress: null }
            }
        && (request.Options.Links is SymbolicLinks.Follow || new FileInfo(request.HostPath).LinkTarget is null)
        && Native.StatusOf(request.HostPath) is { IsPlainFile: true };

    private async Task<ShellResult> SendFileAsync(SyncRequest request, RsyncReport report, string what, CancellationToken cancellationToken)
    {
        string temporary = $".testharness-{Guid.NewGuid():N}";
        try
        {
            return await SendFileAsync(request, temporary, report, what, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // In the target, if that is a folder, or beside it.
            await RemoveAsync($"{request.GuestPath}/{temporary}", $"{request.GuestPath[..request.GuestPath.LastIndexOf('/')]}/{temporary}")
                .ConfigureAwait(false);
            throw;
        }
    }

    private async Task<ShellResult> SendFileAsync(
        SyncRequest request,
        string temporary,
        RsyncReport report,
        string what,
        CancellationToken cancellationToken
    )
    {
        AgentConnection agent = await _guest.ReadyAsync(cancellationToken).ConfigureAwait(false);
        long began = _machine.Time.GetTimestamp();
        FileStream file = new(
            request.HostPath,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite,
            bufferSize: 0,
            FileOptions.SequentialScan | FileOptions.Asynchronous
        );
        await using (file.ConfigureAwait(false))
        {
            string name = Path.GetFileName(request.HostPath);
            var command = new AgentCommand(["/bin/sh", "-c", Receive, "sh", request.GuestPath, name, temporary, .. Facts(file)]);
            var output = new OutputCollector();
            AgentProcess process = await agent.RunAsync(command, cancellationToken).ConfigureAwait(false);
            await using (process.ConfigureAwait(false))
            {
                Task feeding = Shell.FeedAsync(file, process.StandardInput, cancellationToken);
                await output.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken).ConfigureAwait(false);
                AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
                if (feeding.IsFaulted)
                    await feeding.ConfigureAwait(false);
                ShellResult result = ShellResult.Of(what, exit, output, _machine.Time.GetElapsedTime(began), _machine.Mask);
                if (Enum.TryParse(result.StandardOutput.Trim(), out SyncChangeKind kind))
                    report.Add(new SyncChange(kind, name), kind == SyncChangeKind.AttributesSet ? 0 : file.Length);
                return result;
            }
        }
    }

    private static string[] Facts(FileStream file)
    {
        var changed = new DateTimeOffset(File.GetLastWriteTimeUtc(file.SafeFileHandle));
        int mode = (int)File.GetUnixFileMode(file.SafeFileHandle);
        return
        [
            string.Create(CultureInfo.InvariantCulture, $"{file.Length}"),
            string.Create(CultureInfo.InvariantCulture, $"{changed.ToUnixTimeSeconds()}"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"{changed.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick:000000000}"
            ),
            Convert.ToString(mode, 8),
            Convert.ToString(Permissions & ~mode, 8),
            (mode & ~PlainFile) == 0 ? "true" : "chmod",
        ];
    }
}
