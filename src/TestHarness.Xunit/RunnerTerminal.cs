using System.Globalization;

namespace TestHarness.Xunit;

/// <summary>
/// Says something to the person who runs the tests while a test runs. Under <c>dotnet test</c> nobody sees the standard error of the test
/// program (nor, unless asked for, xunit's diagnostic messages), so this writes to that of the outermost process of the run.
/// </summary>
internal static class RunnerTerminal
{
    private static readonly Lock Gate = new();
    private static readonly Lazy<TextWriter> Writer = new(Open);

    public static void WriteLine(string text)
    {
        lock (Gate)
        {
            try
            {
                Writer.Value.WriteLine(text);
            }
            catch (IOException)
            {
                // The runner has closed its standard error or is gone: there is nobody to tell.
            }
        }
    }

    private static TextWriter Open()
    {
        int runner = OutermostRunner();
        if (runner == 0)
            return Console.Error;
        try
        {
            // To its end, should it be a file.
            var error = new FileStream(
                $"/proc/{runner.ToString(CultureInfo.InvariantCulture)}/fd/2",
                FileMode.Append,
                FileAccess.Write,
                FileShare.ReadWrite,
                bufferSize: 0
            );
            return new StreamWriter(error) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // A socket, or another user's process.
            return Console.Error;
        }
    }

    // The unbroken chain of .NET processes above this one: testhost, vstest.console, dotnet test. 0 where the test program was started by
    // hand.
    private static int OutermostRunner()
    {
        int outermost = 0;
        for (int process = Parent(Environment.ProcessId); process > 1 && IsRunner(process); process = Parent(process))
            outermost = process;
        return outermost;
    }

    private static bool IsRunner(int process) =>
        Path.GetFileName(Read(process, "cmdline").Split('\0')[0]) is "dotnet" or "testhost" or "vstest.console";

    private static int Parent(int process)
    {
        // "pid (name) state ppid …"; the name may hold anything, so count from its closing bracket (proc_pid_stat(5)).
        string status = Read(process, "stat");
        string[] fields = status[(status.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 1 ? int.Parse(fields[1], CultureInfo.InvariantCulture) : 0;
    }

    private static string Read(int process, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/{file}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It ended in the meantime, or is another user's.
            return "";
        }
    }
}
