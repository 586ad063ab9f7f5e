using System.Text.Encodings.Web;
using System.Text.Json;

namespace TestHarness.Evidence;

/// <summary>Puts <c>***</c> in place of secrets in texts that people and CI get to see. Pure.</summary>
internal sealed class SecretMask
{
    public const string Mask = "***";

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string[] _forms;

    /// <summary>Makes the mask of some secrets, none of them empty.</summary>
    // Longest first: a secret that begins with another one must not be left with its end readable.
    public SecretMask(IEnumerable<string> secrets) =>
        _forms = [.. secrets.SelectMany(Forms).Distinct(StringComparer.Ordinal).OrderByDescending(form => form.Length)];

    public static SecretMask None { get; } = new([]);

    public string Apply(string text)
    {
        foreach (string form in _forms)
            text = text.Replace(form, Mask, StringComparison.Ordinal);
        return text;
    }

    // As it is, as it stands between quotes for a shell, in JSON, and in an option of QEMU's.
    private static IEnumerable<string> Forms(string secret)
    {
        string relaxed = JsonSerializer.Serialize(secret, Relaxed)[1..^1];
        foreach (string form in (string[])[secret, relaxed, JsonSerializer.Serialize(secret)[1..^1], secret.Replace(",", ",,", StringComparison.Ordinal)])
        {
            yield return form;
            yield return form.Replace("'", "'\\''", StringComparison.Ordinal);
        }
    }
}
