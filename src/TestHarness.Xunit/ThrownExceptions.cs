using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace TestHarness.Xunit;

/// <summary>
/// Sees exceptions while they are thrown in a test's own code: what they leave on their way may be the test's last statement, <c>await
/// using</c>'s dispose of a machine.
/// </summary>
internal static class ThrownExceptions
{
    // Those of the library and the runtime that are caught there are no sign of a failure.
    private static readonly string[] NotUsers =
    [
        "TestHarness",
        "TestHarness.Xunit",
        "TestHarness.FluentAssertions",
        "FluentAssertions",
        "netstandard",
        "mscorlib",
    ];
    private static readonly string[] NotUsersBeginWith = ["System.", "Microsoft.", "xunit."];

    [ThreadStatic]
    private static bool _looks;

    /// <summary>Calls a listener for each, in the flow that throws.</summary>
    public static void Watch(Action seen) => AppDomain.CurrentDomain.FirstChanceException += (_, thrown) => Look(thrown, seen);

    /// <summary>
    /// Tells whether what is thrown is on its way through a user's code. From an asynchronous method of a library it is not: it is thrown
    /// anew where that method is awaited, or it is caught in between.
    /// </summary>
    public static bool IsInUsersCode(StackTrace thrown)
    {
        foreach (MethodBase method in thrown.GetFrames().Select(frame => frame.GetMethod()).OfType<MethodBase>())
        {
            if (IsUsers(method))
                return true;
            if (typeof(IAsyncStateMachine).IsAssignableFrom(method.DeclaringType))
                return false;
        }

        return false;
    }

    // What is thrown here would be thrown in the test.
    private static void Look(FirstChanceExceptionEventArgs thrown, Action seen)
    {
        if (_looks || thrown.Exception is StackOverflowException or OutOfMemoryException)
            return;
        _looks = true;
        try
        {
            if (IsInUsersCode(new StackTrace(fNeedFileInfo: false)))
                seen();
        }
        finally
        {
            _looks = false;
        }
    }

    private static bool IsUsers(MethodBase method) =>
        method.Module.Assembly.GetName().Name is { } name
        && !NotUsers.Contains(name, StringComparer.Ordinal)
        && !NotUsersBeginWith.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal));
}
