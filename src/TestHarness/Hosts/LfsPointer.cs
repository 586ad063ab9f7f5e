using System.Text;
using System.Text.RegularExpressions;

namespace TestHarness.Hosts;

/// <summary>
/// Recognises what Git LFS leaves in place of a file whose content was not fetched: some lines of text
/// (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
/// </summary>
internal static partial class LfsPointer
{
    /// <summary>What a file is that is one.</summary>
    public const string Reason = "it is a pointer of Git LFS, and its content was not fetched";

    public const string Remedy = "git lfs pull. A checkout in CI has to ask for the content (actions/checkout: lfs: true).";

    // A pointer is shorter, says its specification.
    private const int MaxBytes = 1024;

    public static bool Is(ReadOnlySpan<byte> content) =>
        content.Length < MaxBytes && content.StartsWith("version http"u8) && Pattern().IsMatch(Encoding.Latin1.GetString(content));

    /// <summary>Tells whether an ordinary file is one. What can't be read is none: who reads it says why.</summary>
    public static bool Is(string file)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            if (stream.Length >= MaxBytes)
                return false;
            byte[] content = new byte[MaxBytes];
            return Is(content.AsSpan(0, stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // The second and third addresses are those of earlier versions.
    [GeneratedRegex(
        @"\Aversion (https://git-lfs\.github\.com/spec/|https://hawser\.github\.com/spec/|http://git-media\.io/v/)\S+\r?\n(ext-.*\n)*oid "
            + @"sha256:[0-9a-f]{64}\r?\nsize [0-9]+\r?\n?\z"
    )]
    private static partial Regex Pattern();
}
