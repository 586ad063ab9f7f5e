using System.Globalization;
using TestHarness.Errors;
using TestHarness.Screens;

namespace TestHarness.Goldens;

/// <summary>Compares screenshots with a golden's accepted pictures.</summary>
internal sealed class PictureCheck
{
    private readonly GoldenPlace _place;
    private readonly IReadOnlyList<GoldenPicture> _accepted;
    private readonly List<string> _notes = [];
    private readonly bool _needles;

    /// <exception cref="GoldenMismatchException">A golden can't be read, or has no place.</exception>
    public PictureCheck(string name, GoldenOptions options, IReadOnlyList<string> platforms, GoldenCaller caller)
    {
        Check(options);
        _place = new GoldenPlace(name, ".png", options.Variant, platforms, caller);
        _needles = options.NeedleFolder is not null;
        try
        {
            _accepted = options.NeedleFolder is { } folder
                ? GoldenPicture.LoadNeedles(Path.GetFullPath(folder, _place.Folder), name, options, _notes)
                : [.. _place.AcceptedFiles.Select(file => GoldenPicture.Load(file, options))];
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new GoldenMismatchException(name, new FailureText($"The golden '{name}' can't be read.").Add("Reason", e.Message), e);
        }

        GoldenFiles.NoteUse(_accepted.Select(picture => picture.File));
    }

    public bool HasGolden => _accepted.Count > 0;

    /// <summary>Whether a screen that does not match is to be written, so that it is of no use to wait for another one.</summary>
    public bool MayWrite => !HasGolden || (!_needles && GoldenModes.Current is GoldenMode.Update or GoldenMode.UpdateAndFail);

    /// <summary>Tells whether a screenshot matches one of the accepted pictures.</summary>
    public bool Matches(Screenshot shot) => Find(shot) is not null;

    /// <summary>
    /// Returns where a click on the golden goes, or <see langword="null"/> where the screenshot matches none of the accepted pictures.
    /// </summary>
    public (int X, int Y)? FindClickPoint(Screenshot shot) =>
        Find(shot) is var (golden, difference) ? golden.ClickPoint(difference.Found) : null;

    private (GoldenPicture Golden, PictureDifference Difference)? Find(Screenshot shot)
    {
        PixelImage actual = shot.Pixels;
        foreach (GoldenPicture golden in _accepted)
        {
            PictureDifference difference = PictureComparison.Compare(golden.Pixels, actual, golden.Rules);
            if (difference.Matches)
                return (golden, difference);
        }

        return null;
    }

    /// <summary>Ends the check of a screenshot that matches.</summary>
    public void Pass() => GoldenFiles.DeleteReceived(_place);

    /// <summary>Ends the check of a screenshot that does not match: writes what the mode says, and fails unless that is all.</summary>
    /// <param name="shot">The screenshot.</param>
    /// <param name="subject">What is compared, as the beginning of a sentence.</param>
    /// <param name="waited">How long it was waited for, in words, or <see langword="null"/>.</param>
    public void Settle(Screenshot shot, string subject, string? waited = null)
    {
        GoldenMode mode = GoldenModes.Current;
        PixelImage actual = shot.Pixels;
        (GoldenPicture Golden, PictureDifference Difference)? nearest =
            _accepted.Count == 0
                ? null
                : _accepted
                    .Select(golden => (Golden: golden, Difference: PictureComparison.Compare(golden.Pixels, actual, golden.Rules)))
                    .MinBy(pair => pair.Difference.OtherReason is null ? pair.Difference.Different : long.MaxValue);
        FailureText text = Describe(subject, nearest, waited);
        byte[]? drawn = nearest is { } near ? PngFile.Write(DifferencePicture.Draw(near.Golden.Pixels, actual, near.Difference)) : null;
        var ending = new GoldenEnding(_place, mode, text) { IsReadOnly = _needles };
        GoldenMismatchException? failure = ending.End(
            nearest?.Golden.File,
            shot.Png.ToArray(),
            nearest?.Golden.Renew(shot, actual),
            drawn,
            (verified, received, difference) =>
                new GoldenMismatchException(_place.Name, text)
                {
                    VerifiedFile = verified,
                    ReceivedFile = received,
                    DifferenceFile = difference,
                    DifferentPixels = nearest?.Difference.Different ?? 0,
                    DifferentAreas = nearest?.Difference.Regions() ?? [],
                }
        );
        if (failure is not null)
            throw failure;
    }

    private FailureText Describe(string subject, (GoldenPicture Golden, PictureDifference Difference)? nearest, string? waited)
    {
        if (nearest is not var (golden, difference))
        {
            return new FailureText($"{subject} has no golden '{_place.Name}'{(_needles ? " among the needles" : " yet")}.")
                .Add("Needles left out", string.Join('\n', _notes))
                .Add("Waited", waited);
        }

        (string? largest, string? others) = PictureWords.Areas(difference, golden.Pixels);
        return new FailureText(
            $"{subject} does not match the golden '{_place.Name}'{(difference.OtherReason is { } reason ? $": {reason}" : "")}."
        )
            .Add("Waited", waited)
            .Add("Different", PictureWords.Count(difference))
            .Add("Largest area", largest)
            .Add("Other areas", others)
            .Add("Areas that are too different", string.Join('\n', difference.FailedAreas))
            .Add("Accepted pictures", _accepted.Count > 1 ? $"{_accepted.Count}; this one is the nearest" : null)
            .Add("Needles left out", string.Join('\n', _notes));
    }

    private static void Check(GoldenOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Tolerance);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Tolerance, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxDifferentPixels);
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxDifferentRatio);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxDifferentRatio, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.SearchMargin);
    }
}
