using System.Globalization;
using TestHarness.Errors;

namespace TestHarness.Hosts;

/// <summary>
/// Chooses the number of the user that root's QEMUs run as. It is no account, for making one changes the host. It is of a range that
/// systemd leaves free (https://systemd.io/UIDS-GIDS/: 60578 to 61183) and Debian gives to no user (policy, section 9.2.2), and below
/// 65536, which containers have.
/// </summary>
internal static class QemuUserNumber
{
    public const uint First = 60900;
    public const uint Last = 60999;

    /// <summary>Chooses the first number that is nobody's.</summary>
    /// <exception cref="HostNotReadyException">There is none.</exception>
    public static uint Choose() =>
        Choose(file => File.Exists(file) ? File.ReadAllLines(file) : [])
        ?? throw new HostNotReadyException(
            new FailureText($"There is no user for QEMU: none of the numbers {First} to {Last} is free.")
                .Add(
                    "Looked at",
                    "/etc/passwd, /etc/group, /etc/subuid, /etc/subgid, and what this process's user namespace has "
                        + "(/proc/self/uid_map, /proc/self/gid_map)"
                )
                .Try(
                    $"free one of them; in a container, map at least {Last + 1} user and group numbers; or run the tests as an "
                        + "ordinary user."
                )
        );

    /// <summary>Chooses by what files say; <see langword="null"/> where none is free.</summary>
    public static uint? Choose(Func<string, string[]> read)
    {
        HashSet<uint> taken = [.. Taken(read("/etc/passwd")), .. Taken(read("/etc/group"))];
        (uint First, uint Count)[] lent = [.. Ranges(read("/etc/subuid"), ':', 1, 2), .. Ranges(read("/etc/subgid"), ':', 1, 2)];
        (uint First, uint Count)[] users = [.. Ranges(read("/proc/self/uid_map"), ' ', 0, 2)],
            groups = [.. Ranges(read("/proc/self/gid_map"), ' ', 0, 2)];
        for (uint number = First; number <= Last; number++)
        {
            if (!taken.Contains(number) && !IsIn(lent, number) && IsIn(users, number) && IsIn(groups, number))
                return number;
        }

        return null;
    }

    // name:password:number:… (passwd(5), group(5)).
    private static IEnumerable<uint> Taken(string[] lines) =>
        from line in lines
        let fields = line.Split(':')
        where fields.Length > 2
        let number = Number(fields[2])
        where number is not null
        select number.Value;

    // name:first:count (subuid(5)); first inside, first outside, count (user_namespaces(7)).
    private static IEnumerable<(uint First, uint Count)> Ranges(string[] lines, char separator, int first, int count) =>
        from line in lines
        let fields = line.Split(separator, StringSplitOptions.RemoveEmptyEntries)
        where fields.Length == 3 && Number(fields[first]) is not null
        select (Number(fields[first])!.Value, Number(fields[count]) ?? 0);

    private static bool IsIn((uint First, uint Count)[] ranges, uint number) =>
        ranges.Any(range => number >= range.First && number - range.First < range.Count);

    private static uint? Number(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : null;
}
