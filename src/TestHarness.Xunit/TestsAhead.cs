using System.Collections.Concurrent;
using System.Reflection;
using Xunit;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>
/// Tells what is still to run of a class whose tests run, as far as its methods say: which of them a filter leaves out is not known. So
/// what one test needed once is not expected of the next one yet.
/// </summary>
internal static class TestsAhead
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy;

    private static readonly ConcurrentDictionary<Type, ConcurrentDictionary<string, bool>> Methods = new();
    private static readonly ConcurrentDictionary<(Type Class, VirtualMachineAttribute Attribute), int> Rows = new();

    /// <summary>Remembers that a test begins.</summary>
    public static void Begin(ITestContext context)
    {
        if (context.TestMethod is IXunitTestMethod { Method: { ReflectedType: { } testClass } method })
            Methods.GetOrAdd(testClass, _ => new ConcurrentDictionary<string, bool>(StringComparer.Ordinal))[method.Name] = true;
    }

    /// <summary>Tells whether tests of the class follow the current one.</summary>
    public static bool Any(ITestContext context) =>
        context.TestMethod is IXunitTestMethod { Method.ReflectedType: { } testClass }
        && Methods.TryGetValue(testClass, out ConcurrentDictionary<string, bool>? begun)
        && testClass.GetMethods(All).Any(method => !begun.ContainsKey(method.Name) && Runs(method));

    /// <summary>Remembers that a row begins. Tells how many with the same attribute have begun in the class, and how many follow.</summary>
    public static (int Begun, int Following) BeginRow(MethodInfo test, VirtualMachineAttribute attribute)
    {
        Type testClass = test.ReflectedType!;
        int begun = Rows.AddOrUpdate((testClass, attribute), 1, (_, count) => count + 1);
        return (begun, FollowingIn(testClass, attribute, begun));
    }

    /// <summary>Tells whether rows with such an attribute follow in any class that has begun.</summary>
    public static bool FollowAnywhere(VirtualMachineAttribute attribute) =>
        Rows.Any(row => row.Key.Attribute.Equals(attribute) && FollowingIn(row.Key.Class, attribute, row.Value) > 0);

    private static int FollowingIn(Type testClass, VirtualMachineAttribute attribute, int begun)
    {
        int all = testClass
            .GetMethods(All)
            .Where(Runs)
            .SelectMany(method => method.GetCustomAttributes<VirtualMachineAttribute>())
            .Count(other => attribute.Equals(other) && other.Skip is null);
        return Math.Max(0, all - begun);
    }

    private static bool Runs(MethodInfo method) =>
        method.GetCustomAttributes().OfType<IFactAttribute>().Any(fact => fact is { Skip: null, Explicit: false });
}
