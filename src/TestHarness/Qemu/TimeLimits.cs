namespace TestHarness.Qemu;

/// <summary>Scales the library's default time limits by the speed of the accelerator. A user's own limits are never scaled.</summary>
internal static class TimeLimits
{
    /// <summary>
    /// How long the probe's measured work takes under TCG on the machine that the defaults were chosen on: 1.62 to 1.70 ms, idle and with a
    /// load of 12 on its two cores (QEMU 7.2, AMD EPYC at 2.6 GHz).
    /// </summary>
    public const double ReferenceMilliseconds = 1.7;

    /// <summary>However slow the host, a limit is not scaled by more.</summary>
    public const double LargestScale = 10;

    /// <summary>The factor for the default limits under an accelerator: 1 on the reference machine and on faster ones.</summary>
    public static double ScaleOf(AcceleratorProof proof) =>
        proof switch
        {
            { Milliseconds: { } milliseconds } => Math.Clamp(milliseconds / ReferenceMilliseconds, 1, LargestScale),
            // Too slow for the probe's own limit.
            { Hung: true } => LargestScale,
            _ => 1,
        };

    /// <summary>Scales a default limit; never below the default, an infinite one stays infinite.</summary>
    public static TimeSpan Scale(TimeSpan limit, double scale)
    {
        if (limit < TimeSpan.Zero || !(scale > 1))
            return limit;
        double factor = Math.Min(scale, LargestScale);
        return limit >= TimeSpan.MaxValue / factor ? TimeSpan.MaxValue : limit * factor;
    }
}
