using System.Globalization;
using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Hosts;

/// <summary>
/// Ends this process when a process of the test run above it has died. Under <c>dotnet test</c> the chain is dotnet test, vstest.console,
/// testhost and the test program, which alone owns machines and would go on for some 20 s without noticing that one of the others was
/// killed.
/// </summary>
internal static class AncestorWatch
{
    private static readonly TimeSpan OrderlyExit = TimeSpan.FromSeconds(1);

    public static void Start()
    {
        int[] descriptors = [.. Runners().Select(Native.OpenProcess).Where(descriptor => descriptor >= 0)];
        if (descriptors.Length == 0)
            return;
        new Thread(() => Watch(descriptors)) { IsBackground = true, Name = "TestHarness ancestors" }.Start();
    }

    private static void Watch(int[] descriptors)
    {
        Native.WaitForAny(descriptors);
        // An orderly end runs the exit handlers of whoever has some; tests that hang must not keep it.
        new Thread(() => Environment.Exit(1)) { IsBackground = true }.Start();
        Clock.Sleep(OrderlyExit);
        _ = Native.Kill(Environment.ProcessId, SignalNumber.Kill);
    }

    // Only the unbroken chain of .NET processes right above: a shell or an init further up may end while a program runs on, as with nohup.
    private static IEnumerable<int> Runners()
    {
        int process = Parent(Environment.ProcessId);
        while (process > 1 && IsRunner(process))
        {
            yield return process;
            process = Parent(process);
        }
    }

    private static bool IsRunner(int process)
    {
        string program = Path.GetFileName(CommandLine(process).FirstOrDefault() ?? "");
        return program is "dotnet" or "testhost" or "vstest.console" || program.StartsWith("testhost.", StringComparison.Ordinal);
    }

    private static string[] CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            // It ended in the meantime.
            return [];
        }
    }

    private static int Parent(int process)
    {
        try
        {
            // "pid (name) state ppid …"; the name may hold anything, so count from its closing bracket (proc_pid_stat(5)).
            string status = File.ReadAllText($"/proc/{process}/stat");
            string[] fields = status[(status.LastIndexOf(')') + 2)..].Split(' ');
            return int.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
