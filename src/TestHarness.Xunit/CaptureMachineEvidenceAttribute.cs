using System.Reflection;
using Xunit;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>
/// On an assembly: attaches the evidence of every machine that a failed test used to its result, whichever way the test got the machine. A
/// project that references the package has it by itself (<c>build/TestHarness.Xunit.props</c>).
/// </summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class CaptureMachineEvidenceAttribute : Attribute, IBeforeAfterTestAttribute
{
    /// <summary>Starts watching the machines of this process.</summary>
    public CaptureMachineEvidenceAttribute() => MachineRecorder.EnsureStarted();

    /// <summary>Shows what shared machines write in the output of the test that begins, where they are followed.</summary>
    /// <param name="methodUnderTest">The test method.</param>
    /// <param name="test">The test.</param>
    public void Before(MethodInfo methodUnderTest, IXunitTest test)
    {
        RunnerPipe.EnsureStarted();
        MachineRecorder.Begin(TestContext.Current);
    }

    /// <summary>Keeps and attaches the evidence where the test failed, and holds its machines where that is asked for.</summary>
    /// <param name="methodUnderTest">The test method.</param>
    /// <param name="test">The test.</param>
    public void After(MethodInfo methodUnderTest, IXunitTest test) =>
        Task.Run(() => MachineRecorder.EndAsync(TestContext.Current)).GetAwaiter().GetResult();
}
