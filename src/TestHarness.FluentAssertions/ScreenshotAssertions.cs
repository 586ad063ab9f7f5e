using System.Diagnostics;
using System.Runtime.CompilerServices;
using FluentAssertions;
using FluentAssertions.Primitives;

namespace TestHarness.FluentAssertions;

/// <summary>Assertions on a screenshot.</summary>
/// <param name="screenshot">The screenshot.</param>
[StackTraceHidden]
public sealed class ScreenshotAssertions(Screenshot screenshot) : ReferenceTypeAssertions<Screenshot, ScreenshotAssertions>(screenshot)
{
    /// <inheritdoc/>
    protected override string Identifier => "screenshot";

    /// <summary>Asserts that the picture matches a golden (<see cref="Golden"/>).</summary>
    /// <param name="name">The golden's name.</param>
    /// <param name="options">How it is compared.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <returns>The assertions, to go on.</returns>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public AndConstraint<ScreenshotAssertions> MatchGolden(
        string name,
        GoldenOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        Golden.Match(Subject, name, options, sourceFile, member);
        return new AndConstraint<ScreenshotAssertions>(this);
    }
}
