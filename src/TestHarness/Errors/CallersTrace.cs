using System.Diagnostics;

namespace TestHarness.Errors;

/// <summary>
/// A stack trace without this library's frames above the caller's: test frameworks and editors take the first one for the place of the
/// failure. An attribute on the methods (<see cref="StackTraceHiddenAttribute"/>) would not do: the compiler does not pass it on to what it
/// makes of an async method.
/// </summary>
internal static class CallersTrace
{
    private static readonly string[] Own = ["TestHarness", "TestHarness.Xunit", "TestHarness.FluentAssertions"];

    /// <summary>
    /// Returns the trace, or <see langword="null"/> where the exception was not thrown, or where no frame is the caller's.
    /// </summary>
    public static string? Of(Exception exception)
    {
        StackFrame[] frames = new StackTrace(exception, fNeedFileInfo: true).GetFrames();
        int first = Array.FindIndex(frames, frame => !IsOf(frame, IsOwn) && !IsOf(frame, IsRuntimes));
        // The runtime's frames above the caller's first are his own call's, unless one of the library's is below them.
        while (first > 0 && !IsOf(frames[first - 1], IsOwn))
            first--;
        return first < 0 ? null : new StackTrace(frames[first..]).ToString().TrimEnd();
    }

    private static bool IsOf(StackFrame frame, Func<string, bool> isOf) =>
        frame.GetMethod()?.Module.Assembly.GetName().Name is { } assembly && isOf(assembly);

    private static bool IsOwn(string assembly) => Own.Contains(assembly, StringComparer.Ordinal);

    private static bool IsRuntimes(string assembly) => assembly.StartsWith("System.", StringComparison.Ordinal);
}
