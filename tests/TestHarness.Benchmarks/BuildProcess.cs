using System.Diagnostics;
using System.Globalization;

namespace TestHarness.Benchmarks;

/// <summary>
/// This program in a process of its own, with one build of the library, which takes a sample whenever it is asked (<c>--serve IMAGE</c>).
/// </summary>
internal sealed class BuildProcess : IAsyncDisposable
{
    private const string Closed = "closed";

    private readonly Process _process;

    /// <summary>Starts it.</summary>
    /// <param name="folder">The folder of the program and of its build of the library.</param>
    /// <param name="image">The image of its machines.</param>
    /// <param name="variables">Variables of its environment besides those of this process.</param>
    public BuildProcess(string folder, string image, IReadOnlyDictionary<string, string> variables)
    {
        // Its QEMUs inherit that, too: each has the same layout in memory, which makes a difference of some percent.
        var start = new ProcessStartInfo(
            "setarch",
            ["--addr-no-randomize", "dotnet", Path.Combine(folder, "TestHarness.Benchmarks.dll"), "--serve", image]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        // What is compiled anew while it is measured, and for what, differs from process to process.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
    }

    /// <summary>What the process does: a line with a row's name takes one sample of it, an empty one closes the rows.</summary>
    /// <param name="image">The image.</param>
    /// <returns>A task that ends with the input.</returns>
    public static async Task ServeAsync(string image)
    {
        Dictionary<string, Row> open = [];
        while (await Console.In.ReadLineAsync() is { } name)
        {
            if (name.Length > 0)
            {
                if (!open.TryGetValue(name, out Row? row))
                    row = open[name] = Row.All[name].Make(image);
                Console.WriteLine((await row.SampleAsync()).TotalMilliseconds.ToString("R", CultureInfo.InvariantCulture));
                continue;
            }

            foreach (Row row in open.Values)
                await row.DisposeAsync();
            open.Clear();
            Console.WriteLine(Closed);
        }
    }

    public async Task<double> SampleAsync(string row) => double.Parse(await AskAsync(row), CultureInfo.InvariantCulture);

    public Task CloseRowsAsync() => AskAsync("");

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        return await _process.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException(
                $"The process with the other or this build ended while it was asked for '{line}'; its words are above."
            );
    }
}
