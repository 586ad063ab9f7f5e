using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.RegularExpressions;
using TestHarness.Text;

namespace TestHarness.Files;

/// <summary>Reads what rsync prints of each change and of its progress. Pure: lines in.</summary>
internal sealed partial class RsyncReport(IProgress<SyncProgress>? progress)
{
    private readonly Receiver<SyncProgress>? _progress = progress is null
        ? null
        : new Receiver<SyncProgress>(progress.Report, _ => 1) { ForMissed = (_, last) => last };

    /// <summary>The argument that makes rsync print what is read here: kind, size, path.</summary>
    public const string Format = "--out-format=%i %l %n";

    private const int MostChanges = 250_000;
    private const int MostCharacters = 8 * 1024 * 1024;

    private readonly List<SyncChange> _changes = [];
    private long _characters;
    private long _bytes;
    private string _last = "nothing copied yet";

    /// <summary>Gets what the receiver of progress has thrown, which is the caller's own and comes out as it is.</summary>
    public ExceptionDispatchInfo? ReceiverFailure => _progress?.Failure;

    /// <summary>Fires when the receiver of progress has thrown.</summary>
    public CancellationToken ReceiverFailed => _progress?.Failed ?? CancellationToken.None;

    /// <summary>Tells whether a line is a change, and not something that rsync says.</summary>
    public static bool IsChange(string line) => Change().IsMatch(line);

    /// <summary>Takes a line; one that is something else, such as a note on a file that is left out, is ignored.</summary>
    public void Add(string line)
    {
        if (Change().Match(line) is { Success: true } change)
        {
            string what = change.Groups["what"].Value;
            string path = Unescape(change.Groups["path"].Value);
            SyncChangeKind kind =
                what[0] == '*' ? SyncChangeKind.Deleted
                : what[2..].All(mark => mark == '+') ? SyncChangeKind.Created
                : what[0] == '.' ? SyncChangeKind.AttributesSet
                : SyncChangeKind.Updated;
            Add(
                new SyncChange(kind, path),
                what[0] is '<' or '>' ? long.Parse(change.Groups["size"].Value, CultureInfo.InvariantCulture) : 0
            );
        }
        else if (_progress is not null && Progress().Match(line) is { Success: true } far)
        {
            Tell(
                new SyncProgress(
                    long.Parse(far.Groups["bytes"].Value, CultureInfo.InvariantCulture),
                    int.Parse(far.Groups["percent"].Value, CultureInfo.InvariantCulture)
                )
            );
        }
    }

    /// <summary>Takes a change, and the size of the content that was copied for it.</summary>
    public void Add(SyncChange change, long bytes)
    {
        _bytes += bytes;
        _characters += change.Path.Length;
        if (_changes.Count < MostChanges && _characters <= MostCharacters)
            _changes.Add(change);
        else
            Unlisted++;
        Volatile.Write(ref _last, change.Path);
    }

    /// <summary>Tells the receiver of progress, if there is one, apart from the transfer.</summary>
    public void Tell(SyncProgress far) => _progress?.Offer(far);

    /// <summary>Waits a moment until the receiver of progress has been told everything.</summary>
    public Task SettleAsync() => _progress?.SettleAsync() ?? Task.CompletedTask;

    /// <summary>The path that came last, for the message of a transfer that did not end.</summary>
    public string Describe() => Volatile.Read(ref _last);

    /// <summary>Gets the size of the files whose content was copied so far.</summary>
    public long Bytes => _bytes;

    /// <summary>Gets how many changes came after as many as are kept.</summary>
    public long Unlisted { get; private set; }

    /// <summary>Gets the paths that are gone.</summary>
    public IEnumerable<string> Deleted => _changes.Where(change => change.Kind is SyncChangeKind.Deleted).Select(change => change.Path);

    /// <summary>The result.</summary>
    /// <param name="unknownBefore">Whether nobody knows what was at the target before, so that all of it counts as written anew.</param>
    public SyncResult ToResult(bool unknownBefore) =>
        new()
        {
            Changes = unknownBefore ? [.. _changes.Select(change => change with { Kind = SyncChangeKind.Updated })] : [.. _changes],
            Bytes = _bytes,
        };

    // rsync prints a byte that is no printable character as \#ooo, in octal, and a backslash before such digits in the same way.
    private static string Unescape(string path)
    {
        if (!path.Contains("\\#", StringComparison.Ordinal))
            return path;
        using var bytes = new MemoryStream();
        int from = 0;
        foreach (Match escape in Escape().Matches(path))
        {
            bytes.Write(Encoding.UTF8.GetBytes(path[from..escape.Index]));
            bytes.WriteByte((byte)Convert.ToInt32(escape.Groups[1].Value, 8));
            from = escape.Index + escape.Length;
        }

        bytes.Write(Encoding.UTF8.GetBytes(path[from..]));
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    // <f+++++++++ 12 path, cd+++++++++ 4096 path/, .d..t...... 4096 path/, *deleting   0 path
    [GeneratedRegex(@"^(?<what>[<>ch.][fdLDS][^ ]{9}|\*deleting +) ?(?<size>[0-9]{1,18}) (?<path>.+)\z")]
    private static partial Regex Change();

    //      1234567  12%    1.18MB/s    0:00:01
    [GeneratedRegex(@"^ *(?<bytes>[0-9]{1,18}) +(?<percent>[0-9]{1,3})% ")]
    private static partial Regex Progress();

    [GeneratedRegex(@"\\#([0-3][0-7]{2})")]
    private static partial Regex Escape();
}
