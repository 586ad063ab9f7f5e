using System.Net.Sockets;
using System.Reflection;
using Xunit;
using Xunit.v3;

namespace TestHarness.Xunit;

/// <summary>Keeps the machines of a failed test for a person, where that is asked for.</summary>
internal static class FailureHold
{
    /// <summary>Tells whether the machines of the current test are to be held should it fail.</summary>
    public static bool IsAsked(ITestContext context)
    {
        if (EvidenceSettings.Holds)
            return true;
        if (context.TestMethod is not IXunitTestMethod { Method: var method })
            return false;
        return Has(method) || Has(method.ReflectedType) || Has(method.ReflectedType?.Assembly);

        static bool Has(ICustomAttributeProvider? place) => place?.IsDefined(typeof(HoldOnFailureAttribute), inherit: true) == true;
    }

    /// <summary>Holds the machines that still run until each is released or ends; says so for those that don't.</summary>
    public static async Task HoldAsync(ITestContext context, IEnumerable<VirtualMachine> machines)
    {
        string test = context.Test?.TestDisplayName ?? "a test";
        List<MachineHold> holds = [];
        try
        {
            foreach (VirtualMachine machine in machines)
            {
                try
                {
                    holds.Add(await machine.HoldAsync().ConfigureAwait(false));
                    Say(context, $"HELD: {test} failed. {holds[^1].Instructions}");
                }
                catch (Exception e) when (e is TestHarnessException or InvalidOperationException or IOException or SocketException)
                {
                    Say(context, $"NOT HELD: {test} failed. {e.Message.Split('\n')[0]}");
                }
            }

            await Task.WhenAll(holds.Select(hold => hold.Released)).ConfigureAwait(false);
        }
        finally
        {
            foreach (MachineHold hold in holds)
                await hold.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static void Say(ITestContext context, string text)
    {
        context.TestOutputHelper?.WriteLine(text);
        context.SendDiagnosticMessage("{0}", text);
        RunnerTerminal.WriteLine(text);
    }
}
