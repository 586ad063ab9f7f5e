using TestHarness.Errors;

namespace TestHarness.Goldens;

/// <summary>What is done when something is not what its golden says, by the mode: files are written, and the test fails or not.</summary>
internal sealed class GoldenEnding(GoldenPlace place, GoldenMode mode, FailureText text)
{
    /// <summary>Whether the goldens are somebody else's, which are never written.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Writes what the mode says.</summary>
    /// <param name="golden">The file that it differs from, or <see langword="null"/> where there is none.</param>
    /// <param name="received">What came.</param>
    /// <param name="renewed">What the golden would be made, where that is not just what came.</param>
    /// <param name="difference">The picture of the differences.</param>
    /// <param name="fail">Makes the failure of the golden's file, the received one and the one with the differences.</param>
    /// <returns>The failure, or <see langword="null"/> where the test goes on.</returns>
    public GoldenMismatchException? End(
        string? golden,
        byte[] received,
        byte[]? renewed,
        byte[]? difference,
        Func<string?, string?, string?, GoldenMismatchException> fail
    )
    {
        bool writes =
            !IsReadOnly && (mode is GoldenMode.Update or GoldenMode.UpdateAndFail || (mode == GoldenMode.Missing && golden is null));
        byte[]? before = golden is null ? null : File.ReadAllBytes(golden);
        string? receivedFile = null;
        string? differenceFile = null;
        if (writes)
        {
            string file = golden ?? place.VerifiedFile;
            GoldenFiles.WriteVerified(place, file, renewed ?? received);
            if (mode != GoldenMode.UpdateAndFail)
                return null;
            text.Add("Golden", $"{file} (written just now)").Try("look at the new golden, and run again with TESTHARNESS_GOLDENS=verify.");
            golden = file;
        }
        else
        {
            (receivedFile, differenceFile) = WriteReceived(golden, received, difference);
        }

        Attach(before, received, difference);
        return fail(golden, receivedFile, differenceFile);
    }

    private string WhyNone =>
        GoldenPlaceholder.Is(place.VerifiedFile)
            ? "an empty placeholder, which DiffEngine wrote for a diff tool: it does not count"
            : "there is none";

    private (string? Received, string? Difference) WriteReceived(string? golden, byte[] received, byte[]? difference)
    {
        string target = IsReadOnly || golden is null ? place.VerifiedFile : golden;
        text.Add("Golden", golden ?? $"{place.VerifiedFile} ({WhyNone})");
        if (golden is null && place.FormerFile is { } former)
        {
            text.Add(
                "Not used",
                $"{former}: it lacks the outer class's name, and any class '{place.Test!.TestClass.Name}' here may have made it. "
                    + $"If it is this one's, rename it: git mv '{former}' '{place.VerifiedFile}'"
            );
        }

        string? other;
        try
        {
            other = GoldenFiles.WriteReceived(place, received, difference);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            text.Add("Received", $"could not be written: {e.Message}").Try("look at the test's attachments.");
            return (null, null);
        }

        if (other is not null)
        {
            text.Add("Received", $"not written: {other} has written {place.ReceivedFile} in this run")
                .Try("let each test have a golden of its own: another name, or Variant in the options (vm.Spec.Image, say).");
            return (null, null);
        }

        string? drawn = difference is null ? null : place.DifferenceFile;
        text.Add("Received", place.ReceivedFile).Add("Difference", drawn);
        if (IsReadOnly)
            text.Try("if the screen is right, make a needle of the received picture.");
        else
            text.Try(
                $"if what was received is right: mv '{place.ReceivedFile}' '{target}', or run with "
                    + $"TESTHARNESS_GOLDENS={(golden is null ? "missing" : "update")}."
            );
        DiffTool.Open(place.ReceivedFile, target);
        return (place.ReceivedFile, drawn);
    }

    private void Attach(byte[]? expected, byte[] received, byte[]? difference)
    {
        if (place.Test?.Attach is not { } attach)
            return;
        string extension = Path.GetExtension(place.VerifiedFile);
        if (expected is not null)
            attach($"{place.Name}.expected{extension}", expected);
        attach($"{place.Name}.actual{extension}", received);
        if (difference is not null)
            attach($"{place.Name}.difference.png", difference);
    }
}
