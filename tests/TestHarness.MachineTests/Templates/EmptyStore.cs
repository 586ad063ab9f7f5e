using System.Diagnostics;

namespace TestHarness.MachineTests.Templates;

/// <summary>A cache of its own with the images of the usual one and no template.</summary>
internal sealed class EmptyStore : IDisposable
{
    private static readonly string Quickstart = Path.Combine(
        Repository.Root,
        $"examples/Quickstart/bin/{Repository.Configuration}/net10.0/Quickstart.dll"
    );

    private readonly string _folder = $"/var/tmp/th-store-{Guid.NewGuid():N}"[..24];

    /// <summary>Makes it.</summary>
    /// <param name="template">The folder of a template in the usual cache.</param>
    public EmptyStore(string template)
    {
        Directory.CreateDirectory(_folder);
        File.CreateSymbolicLink(Path.Combine(_folder, "images"), Path.GetFullPath(Path.Combine(template, "../../images")));
    }

    public string Templates => Path.Combine(_folder, "templates");

    public Process StartQuickstart() => Repository.Start("env", [Repository.DefaultSignals, "dotnet", Quickstart, "tiny"], Environment);

    public Task<(int ExitCode, string Output)> RunQuickstartAsync(CancellationToken cancellationToken) =>
        Repository.RunAsync("dotnet", [Quickstart, "tiny"], Environment, cancellationToken);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Dictionary<string, string> Environment => new() { ["TESTHARNESS_CACHE"] = _folder };
}
