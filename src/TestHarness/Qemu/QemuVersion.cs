using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>Asks a QEMU for its version; once, for as long as its file stays.</summary>
internal static partial class QemuVersion
{
    private static readonly ConcurrentDictionary<(string Program, DateTime Time), string> Known = new();

    /// <summary>Returns the first two numbers: <c>7.2</c>.</summary>
    /// <param name="program">Path of QEMU.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HostNotReadyException">It does not say it.</exception>
    public static async Task<string> OfAsync(string program, CancellationToken cancellationToken)
    {
        var key = (program, File.GetLastWriteTimeUtc(program));
        if (Known.TryGetValue(key, out string? known))
            return known;
        HelperResult result = await HelperProgram.RunAsync(program, ["--version"], null, cancellationToken).ConfigureAwait(false);
        if (Version().Match(result.StandardOutput) is not { Success: true, Groups: var groups })
            throw new HostNotReadyException(
                new FailureText($"'{program}' does not say which QEMU it is.")
                    .Add("Standard output", result.StandardOutput)
                    .Add("Standard error", result.StandardError)
            );
        return Known[key] = groups[1].Value;
    }

    [GeneratedRegex(@"\AQEMU emulator version ([0-9]+\.[0-9]+)")]
    private static partial Regex Version();
}
