using System.Runtime.CompilerServices;
using System.Text;
using TestHarness.Goldens;
using TestHarness.Specs;

namespace TestHarness;

/// <summary>
/// Compares screenshots and texts with goldens: files beside the test's source, named as Verify names them,
/// <c>Class.Method.name.verified.png</c>. A class inside of another one has that one's name before its own. What <c>TESTHARNESS_GOLDENS</c>
/// says is done where one is missing or differs: <c>verify</c> (default), <c>missing</c>, <c>update</c> or <c>update-and-fail</c>.
/// </summary>
public static class Golden
{
    /// <summary>
    /// Gets or sets what tells the test that runs now. <c>TestHarness.Xunit</c> sets it; without it goldens are named after the source file
    /// and the method that ask.
    /// </summary>
    public static Func<GoldenTest?>? CurrentTest
    {
        get => RunningTest.Current;
        set => RunningTest.Current = value;
    }

    /// <summary>Compares a screenshot.</summary>
    /// <param name="screenshot">The screenshot.</param>
    /// <param name="name">The golden's name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="options">How. Default: every pixel, with a small tolerance.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public static void Match(
        Screenshot screenshot,
        string name,
        GoldenOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        ArgumentNullException.ThrowIfNull(screenshot);
        var check = new PictureCheck(name, options ?? new GoldenOptions(), screenshot.Platforms, new GoldenCaller(sourceFile, member));
        if (check.Matches(screenshot))
            check.Pass();
        else
            check.Settle(screenshot, "The screenshot");
    }

    /// <summary>Compares a serial log as it stands, with <see cref="Scrubber.All"/> unless the options say otherwise.</summary>
    /// <param name="log">The log.</param>
    /// <param name="name">The golden's name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="options">How.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public static void Match(
        SerialLog log,
        string name,
        GoldenTextOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        ArgumentNullException.ThrowIfNull(log);
        Check(log.Text, name, options, Scrubber.All, "The serial log", sourceFile, member);
    }

    /// <summary>
    /// Compares what a command wrote and how it ended: standard output, then standard error and the exit code where there is one other than
    /// 0.
    /// </summary>
    /// <param name="result">The result.</param>
    /// <param name="name">The golden's name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="options">How.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public static void Match(
        ShellResult result,
        string name,
        GoldenTextOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        ArgumentNullException.ThrowIfNull(result);
        var text = new StringBuilder(result.StandardOutput.TrimEnd('\n'));
        if (result.StandardError.Length > 0)
            text.Append("\n[standard error]\n").Append(result.StandardError.TrimEnd('\n'));
        if (result.ExitCode != 0)
            text.Append("\n[exit code ").Append(result.ExitCode).Append(']');
        Check(text.ToString(), name, options, [Scrubber.Ansi], $"The output of the command '{result.Command}'", sourceFile, member);
    }

    /// <summary>Compares a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">The golden's name: letters, digits, <c>-</c> and <c>_</c>.</param>
    /// <param name="options">How.</param>
    /// <param name="sourceFile">The caller's source file; the compiler gives it.</param>
    /// <param name="member">The caller's method; the compiler gives it.</param>
    /// <exception cref="GoldenMismatchException">It does not match, or there is no golden.</exception>
    public static void Match(
        string text,
        string name,
        GoldenTextOptions? options = null,
        [CallerFilePath] string sourceFile = "",
        [CallerMemberName] string member = ""
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        Check(text, name, options, [Scrubber.Ansi], "The text", sourceFile, member);
    }

    /// <summary>
    /// Accepts everything that was received below a folder, in a checkout into which the artefacts of a CI run were unpacked, say: each
    /// received file takes its golden's place.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <returns>The goldens' files.</returns>
    public static IReadOnlyList<string> AcceptReceived(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return [.. ReceivedFiles.Accept(folder).Select(received => received.Golden!)];
    }

    /// <summary>
    /// Lists goldens that nothing needs any more: of tests that ran in this process without asking for them, and of methods that their
    /// class does not have. Others, of tests that did not run, are not judged.
    /// </summary>
    /// <param name="ran">The tests that ran, and passed.</param>
    /// <returns>The files.</returns>
    public static IReadOnlyList<string> FindUnused(IEnumerable<GoldenTest> ran)
    {
        ArgumentNullException.ThrowIfNull(ran);
        return UnusedGoldens.Find(ran);
    }

    private static void Check(
        string text,
        string name,
        GoldenTextOptions? options,
        IReadOnlyList<Scrubber> scrubbers,
        string subject,
        string sourceFile,
        string member
    ) => new TextCheck(name, options ?? new GoldenTextOptions(), new GoldenCaller(sourceFile, member)).Check(text, scrubbers, subject);
}
