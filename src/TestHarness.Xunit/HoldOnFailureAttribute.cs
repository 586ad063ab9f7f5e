namespace TestHarness.Xunit;

/// <summary>
/// On a test method, a class or an assembly: when a test fails, its machines keep running, how to join them is printed, and the test waits
/// until they are released. <c>TESTHARNESS_HOLD=1</c> does the same for all tests.
/// </summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class | AttributeTargets.Assembly)]
public sealed class HoldOnFailureAttribute : Attribute;
