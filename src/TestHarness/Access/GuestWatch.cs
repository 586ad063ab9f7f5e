using System.Diagnostics;
using System.Text;
using TestHarness.Qemu;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// Looks out for trouble in a guest: reads the serial console as it comes, line by line, and QEMU's events. On the way up every sign
/// counts; in a guest that is up only a panic does, for the rest is its own affair then.
/// </summary>
/// <param name="disks">Where the machine's disks are on the host, and what they lie on, for what QEMU tells of them.</param>
/// <param name="time">The time, for what happens too often.</param>
internal sealed class GuestWatch(Func<(string Folder, string Lower)> disks, TimeProvider time)
{
    private const int MaxLine = 4096;

    // What SeaBIOS says before it starts a disk's boot sector, again after an int 19h of that
    // (https://review.coreboot.org/plugins/gitiles/seabios, src/boot.c).
    private const string BootsDisk = "Booting from Hard Disk...";

    // A kernel prints its panic before what it is about, and a reset follows both.
    private static readonly TimeSpan Settled = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SettleLimit = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly StringBuilder _line = new();
    private readonly List<GuestTrouble> _seen = [];
    private readonly BootLoop _resets = new(time);
    private readonly BootLoop _disks = new(time);
    private string _lastLine = "";
    private TaskCompletionSource<bool> _outcome = NewOutcome();
    private bool _booting;
    private long _serialBytes;
    private long _lastSerial;

    /// <summary>Happens when trouble was seen in a guest that had been up; on the reader's thread.</summary>
    public event Action<GuestTrouble>? Troubled;

    /// <summary>Ends at the first sign of trouble of this boot (true), or when it is over (false).</summary>
    public Task<bool> Trouble
    {
        get
        {
            lock (_gate)
                return _outcome.Task;
        }
    }

    /// <summary>
    /// Gets a value indicating whether nothing in the guest says when it is up, so that it boots for as long as it lives.
    /// </summary>
    public bool AlwaysBoots { get; init; }

    /// <summary>How much has come from the serial console.</summary>
    public long SerialBytes => Volatile.Read(ref _serialBytes);

    /// <summary>When a login prompt was seen during this boot (<see cref="TimeProvider.GetTimestamp"/>), or 0.</summary>
    public long LoginPromptAt { get; private set; }

    /// <summary>What the kernel said when it first ended a program of this boot for want of memory, or <see langword="null"/>.</summary>
    public string? MemoryWords { get; private set; }

    /// <summary>The line on the serial console that tells why this boot failed, or <see langword="null"/>.</summary>
    public string? TellingLine
    {
        get
        {
            lock (_gate)
                return _seen.OrderBy(Rank).FirstOrDefault()?.Line;
        }
    }

    /// <summary>Tells whether the guest itself made it happen.</summary>
    public static bool IsGuests(QmpEvent happened) => happened.Data.TryGetFlag("guest") is true;

    /// <summary>A boot begins.</summary>
    public void Boot()
    {
        lock (_gate)
        {
            _booting = true;
            _seen.Clear();
            MemoryWords = null;
            _outcome.TrySetResult(false);
            _outcome = NewOutcome();
            LoginPromptAt = 0;
        }
    }

    /// <summary>The guest is up.</summary>
    public void Up()
    {
        lock (_gate)
        {
            _booting = false;
            _resets.Clear();
            _disks.Clear();
            _outcome.TrySetResult(false);
        }
    }

    /// <summary>Takes what came from the serial console.</summary>
    public void SeeSerial(ReadOnlySpan<byte> bytes)
    {
        Volatile.Write(ref _lastSerial, time.GetTimestamp());
        Volatile.Write(ref _serialBytes, _serialBytes + bytes.Length);
        while (bytes.IndexOf((byte)'\n') is var end and >= 0)
        {
            Add(bytes[..end]);
            string line = _line.ToString();
            Judge(line, whole: true);
            if (!string.IsNullOrWhiteSpace(line))
                _lastLine = line;
            _line.Clear();
            bytes = bytes[(end + 1)..];
        }

        Add(bytes);
        if (_line.Length > 0 && _line[^1] is ' ' or '#')
            Judge(_line.ToString(), whole: false);
    }

    /// <summary>Takes an event of QEMU's (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html).</summary>
    public void See(QmpEvent happened)
    {
        GuestTrouble? trouble = happened.Name switch
        {
            "GUEST_PANICKED" => new GuestTrouble(MachineFault.KernelPanic, "the guest's kernel panicked (pvpanic)", Certain: true),
            "WATCHDOG" => new GuestTrouble(
                MachineFault.WatchdogFired,
                $"the machine's watchdog fired (action: {Text(happened, "action")})",
                Certain: true
            ),
            "RESET" when IsGuests(happened) => new GuestTrouble(MachineFault.GuestReset, "the guest reset itself", Certain: true),
            "SHUTDOWN" when IsGuests(happened) && Text(happened, "reason") == "guest-reset" => new GuestTrouble(
                MachineFault.GuestReset,
                "the guest reset itself",
                Certain: true
            ),
            "SHUTDOWN" when IsGuests(happened) => new GuestTrouble(
                MachineFault.GuestPowerOff,
                "the guest powered itself off",
                Certain: true
            ),
            "BLOCK_IO_ERROR" or "BLOCK_IMAGE_CORRUPTED" => DiskTrouble(happened),
            _ => null,
        };
        if (trouble is not null)
            Report(trouble);
    }

    /// <summary>Says that the guest resets itself again and again, where this reset is one too many since it was up.</summary>
    public GuestTrouble? JudgeReset(QmpEvent happened)
    {
        if (happened.Name != "RESET" || !IsGuests(happened))
            return null;
        lock (_gate)
            return Loop(_resets, "the guest resets itself again and again");
    }

    /// <summary>Adds a sign that somebody else found.</summary>
    public void Report(GuestTrouble trouble)
    {
        bool wasUp;
        lock (_gate)
        {
            wasUp = !_booting;
            if (!wasUp)
            {
                // One of a kind, the first: a guest may repeat itself for ever.
                if (!_seen.Any(seen => seen.Fault == trouble.Fault && seen.Certain == trouble.Certain))
                    _seen.Add(trouble);
                _outcome.TrySetResult(true);
            }
        }

        if (wasUp)
            Troubled?.Invoke(trouble);
    }

    /// <summary>Waits a moment for the rest of the story, and says what it was: the cause rather than what followed from it.</summary>
    public async Task<GuestTrouble?> JudgeAsync()
    {
        await SettleAsync().ConfigureAwait(false);
        lock (_gate)
            return _seen.OrderBy(Rank).FirstOrDefault();
    }

    /// <summary>Waits until the serial console is quiet, half a second at most.</summary>
    public async Task SettleAsync()
    {
        long began = time.GetTimestamp();
        while (
            time.GetElapsedTime(began) < SettleLimit
            && Settled - time.GetElapsedTime(Math.Max(began, Volatile.Read(ref _lastSerial))) is { Ticks: > 0 } left
        )
            await time.Delay(left, CancellationToken.None).ConfigureAwait(false);
    }

    private static TaskCompletionSource<bool> NewOutcome() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static int Rank(GuestTrouble trouble) =>
        trouble.Fault switch
        {
            // A guest that has lost files of its initrd finds no root device, either.
            MachineFault.GuestOutOfMemory => -1,
            MachineFault.NoRootDevice => 0,
            MachineFault.InitramfsShell or MachineFault.EmergencyShell or MachineFault.NothingToBoot => 1,
            MachineFault.KernelPanic => trouble.Certain ? 3 : 2,
            MachineFault.GuestReset or MachineFault.GuestPowerOff => 5,
            _ => 4,
        };

    private static bool IsPanic(GuestTrouble trouble) =>
        trouble.Fault is MachineFault.KernelPanic or MachineFault.NoRootDevice or MachineFault.GuestOutOfMemory;

    private GuestTrouble? DiskTrouble(QmpEvent happened)
    {
        (string folder, string lower) = disks();
        return BlockErrors.Describe(happened.Name, happened.Data, folder, lower) is var (fault, text)
            ? new GuestTrouble(fault, text, Certain: true)
            : null;
    }

    private static string Text(QmpEvent happened, string name) => happened.Data.TryGetText(name) ?? "";

    // Under the gate.
    private GuestTrouble? Loop(BootLoop loop, string what)
    {
        string last = _lastLine.Trim();
        string words =
            last.Length == 0
                ? "nothing came on its serial console"
                : $"the last line on its serial console is \"{PrintableText.Of(last)}\"";
        return loop.Add() is { } often ? new GuestTrouble(MachineFault.BootLoop, $"{what}: {often}; {words}", Certain: true) : null;
    }

    private void Add(ReadOnlySpan<byte> bytes)
    {
        if (_line.Length < MaxLine)
            _line.Append(Encoding.UTF8.GetString(bytes[..Math.Min(bytes.Length, MaxLine)]));
    }

    // A line that is still on its way may be a prompt; what else it is shows when it is whole.
    private void Judge(string line, bool whole)
    {
        if (whole && (_booting || AlwaysBoots) && line.Contains(BootsDisk, StringComparison.Ordinal))
        {
            GuestTrouble? loop;
            lock (_gate)
                loop = Loop(_disks, "the firmware starts the disk again and again, whose boot sector gives it back (int 19h)");
            if (loop is not null)
                Report(loop);
        }

        if (SerialSigns.Judge(line) is { } trouble && (IsPanic(trouble) ? whole : _booting))
            Report(trouble with { Line = line.Trim('\r') });
        else if (_booting && whole && MemoryWords is null && SerialSigns.FindKill(line) is { } killed)
            MemoryWords = killed;
        else if (_booting && LoginPromptAt == 0 && SerialSigns.IsLoginPrompt(line))
            LoginPromptAt = time.GetTimestamp();
    }
}
