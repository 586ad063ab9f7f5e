using System.Text;

namespace TestHarness.Text;

/// <summary>Writes a text with <see cref="SecretMask.Mask"/> in place of parts of it. Pure.</summary>
internal static class MaskedText
{
    /// <summary>Returns the text from a place on.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">The place; a part that reaches beyond it is masked there.</param>
    /// <param name="parts">The parts, in any order; they may overlap.</param>
    public static string Of(string text, int start, List<(int From, int To)> parts)
    {
        if (parts.Count == 0)
            return text[start..];
        parts.Sort();
        var masked = new StringBuilder(text.Length - start);
        int written = start;
        int maskedTo = -1;
        foreach ((int from, int to) in parts)
        {
            if (to <= start)
                continue;
            if (from >= maskedTo)
            {
                masked.Append(text, written, Math.Max(0, from - written)).Append(SecretMask.Mask);
                maskedTo = to;
            }

            maskedTo = Math.Max(maskedTo, to);
            written = Math.Max(written, maskedTo);
        }

        return masked.Append(text, written, text.Length - written).ToString();
    }
}
