using System.Globalization;

namespace TestHarness.Tool;

/// <summary>Sizes as people write them: <c>512</c> (MiB), <c>512M</c>, <c>2G</c>, <c>1.5G</c>, <c>1T</c>; powers of 1024.</summary>
internal static class Sizes
{
    /// <summary>Reads a size in MiB.</summary>
    /// <exception cref="ToolException">It is none, or no whole number of MiB.</exception>
    public static int Mebibytes(string text, string what)
    {
        string number = text.TrimEnd('b', 'B', 'i');
        double unit =
            number.Length == 0
                ? 0
                : char.ToUpperInvariant(number[^1]) switch
                {
                    'K' => 1.0 / 1024,
                    'M' => 1,
                    'G' => 1024,
                    'T' => 1024 * 1024,
                    >= '0' and <= '9' => 1,
                    _ => 0,
                };
        string digits = number.TrimEnd('k', 'K', 'm', 'M', 'g', 'G', 't', 'T');
        if (
            unit > 0
            && double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            && value * unit is >= 1 and <= int.MaxValue and var mebibytes
            && mebibytes == Math.Floor(mebibytes)
        )
        {
            return (int)mebibytes;
        }

        throw new ToolException(ExitCode.Usage, $"{what} is \"{text}\", which is no size: write 512M, 2G or 1.5G (a number alone is MiB).");
    }

    public static string Text(int mebibytes) =>
        mebibytes % 1024 == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{mebibytes / 1024}G")
            : string.Create(CultureInfo.InvariantCulture, $"{mebibytes}M");
}
