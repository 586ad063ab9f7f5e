using System.Globalization;
using System.Text;

namespace TestHarness.Qemu;

/// <summary>
/// Makes the kernel's command line (https://docs.kernel.org/admin-guide/kernel-parameters.html) from the image's arguments, which may be a
/// boot entry as a boot loader has it, the user's, and the consoles that the library listens on. Pure.
/// </summary>
internal static class KernelCommandLine
{
    /// <summary>
    /// How many bytes the kernel takes (COMMAND_LINE_SIZE on x86 and arm64, with a zero at the end). Of a longer line it loses the end,
    /// where root= and the console may be.
    /// </summary>
    public const int MaxLength = 2047;

    // Of Linux's console: its size, font and cursor, and that it is never blanked (admin-guide/kernel-parameters.html, fb/fbcon.html).
    private const string Deterministic = "video=1024x768 fbcon=font:VGA8x16 vt.global_cursor_default=0 consoleblank=0 logo.nologo";

    // Words that a boot loader adds for itself or for the next stage; the kernel and initrd are handed over by QEMU instead.
    private static readonly string[] LoaderWords = ["BOOT_IMAGE=", "initrd="];

    // Of these the last one counts; the earlier ones go, so that what is used can be read off the line.
    private static readonly string[] SingleValued = ["root=", "rootfstype=", "rootflags=", "init=", "rdinit="];

    /// <summary>Joins and normalises the parts, later ones taking precedence.</summary>
    /// <param name="parts">Arguments of the image, then those of the user.</param>
    /// <param name="architecture">Debian's name for the architecture: <c>amd64</c> or <c>arm64</c>.</param>
    /// <param name="display">The display, if there is one to put a console on.</param>
    public static string Build(IEnumerable<string> parts, string architecture, Display display)
    {
        var kernel = new List<string>();
        var init = new List<string>();
        // First, so that the user's own words win.
        foreach (string part in display is Display.Deterministic ? parts.Prepend(Deterministic) : parts)
            Append(part, kernel, init);

        AddConsoles(kernel, architecture, display);
        string line = string.Join(' ', kernel);
        return init.Count == 0 ? line : $"{line} -- {string.Join(' ', init)}";
    }

    /// <summary>
    /// Whether a panic restarts the guest: that many seconds after it, at once where the number is negative (kernel-parameters.txt,
    /// panic=).
    /// </summary>
    public static bool RebootsOnPanic(IEnumerable<string> parts) =>
        parts.SelectMany(Words).LastOrDefault(word => word.StartsWith("panic=", StringComparison.Ordinal))?["panic=".Length..]
            is { } seconds
        && int.TryParse(seconds, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)
        && number != 0;

    /// <summary>The device of the serial console that QEMU's default machine has on an architecture.</summary>
    public static string SerialDevice(string architecture) =>
        architecture switch
        {
            "amd64" => "ttyS0",
            "arm64" => "ttyAMA0",
            _ => throw new ArgumentOutOfRangeException(nameof(architecture), architecture, "Known architectures: amd64, arm64."),
        };

    private static void Append(string part, List<string> kernel, List<string> init)
    {
        bool forInit = false;
        foreach (string word in Words(part))
        {
            if (forInit)
                init.Add(word);
            else if (word == "--")
                forInit = true;
            else if (!LoaderWords.Any(loader => word.StartsWith(loader, StringComparison.Ordinal)))
                AppendKernelWord(word, kernel);
        }
    }

    private static void AppendKernelWord(string word, List<string> kernel)
    {
        if (word is "ro" or "rw")
            kernel.RemoveAll(earlier => earlier is "ro" or "rw");
        string? single = Array.Find(SingleValued, key => word.StartsWith(key, StringComparison.Ordinal));
        if (single is not null)
            kernel.RemoveAll(earlier => earlier.StartsWith(single, StringComparison.Ordinal));
        kernel.Add(word);
    }

    private static void AddConsoles(List<string> kernel, string architecture, Display display)
    {
        string serial = $"console={SerialDevice(architecture)}";
        // The last console= becomes /dev/console, where init writes: the serial one, because that is the one with a log.
        if (display is Display.Standard && !kernel.Contains("console=tty0"))
            kernel.Add("console=tty0");
        string? own = kernel.FindLast(word => word == serial || word.StartsWith($"{serial},", StringComparison.Ordinal));
        if (own is not null)
            kernel.RemoveAll(word => word == own);
        kernel.Add(own ?? serial);
    }

    // The kernel splits at white space outside double quotes.
    private static IEnumerable<string> Words(string line)
    {
        var word = new StringBuilder();
        bool quoted = false;
        foreach (char character in line)
        {
            if (character == '"')
                quoted = !quoted;
            if (!quoted && char.IsWhiteSpace(character))
            {
                if (word.Length > 0)
                    yield return word.ToString();
                word.Clear();
            }
            else
            {
                word.Append(character);
            }
        }

        if (word.Length > 0)
            yield return word.ToString();
    }
}
