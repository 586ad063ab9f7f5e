using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Goldens;

/// <summary>What is done with goldens that are missing or differ.</summary>
internal enum GoldenMode
{
    /// <summary>The test fails.</summary>
    Verify,

    /// <summary>Missing ones are written; those that differ fail.</summary>
    Missing,

    /// <summary>Both are written, and the test passes.</summary>
    Update,

    /// <summary>Both are written, and the test fails, so that nobody takes the run for a check.</summary>
    UpdateAndFail,
}

internal static class GoldenModes
{
    /// <exception cref="HostNotReadyException">The variable has another value.</exception>
    public static GoldenMode Current =>
        EnvironmentVariables.Goldens switch
        {
            null or "verify" => GoldenMode.Verify,
            "missing" => GoldenMode.Missing,
            "update" => GoldenMode.Update,
            "update-and-fail" => GoldenMode.UpdateAndFail,
            var other => throw new HostNotReadyException(
                new FailureText($"TESTHARNESS_GOLDENS is '{other}', which is none of its values.").Try(
                    "set it to verify, missing, update or update-and-fail."
                )
            ),
        };
}
