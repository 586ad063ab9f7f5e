using System.Globalization;
using System.Xml.Linq;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>One run of the sample tests that fail, with its TRX file.</summary>
public class SampleRun : IAsyncLifetime
{
    private static readonly XNamespace Trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";

    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-trx-").FullName;
    private XDocument _results = new();

    /// <summary>What <c>dotnet test</c> printed.</summary>
    public string Output { get; private set; } = "";

    /// <summary>The TRX file.</summary>
    public string TrxText { get; private set; } = "";

    /// <summary>Where the run's evidence goes.</summary>
    public string Artifacts => Path.Combine(_folder, "artifacts");

    public string ResultsFile => Path.Combine(_folder, "sample.trx");

    protected virtual string Filter =>
        "FullyQualifiedName!~Hang&FullyQualifiedName!~Hundred&FullyQualifiedName!~Held&FullyQualifiedName!~Hostile";

    protected virtual IEnumerable<string> Switches => [];

    public async ValueTask InitializeAsync()
    {
        var environment = new Dictionary<string, string> { ["TESTHARNESS_ARTIFACTS"] = Artifacts };
        foreach (string name in Switches)
            environment[name] = "1";
        (_, Output) = await Repository.RunAsync(
            "dotnet",
            [
                "test",
                Repository.SampleTests,
                "--no-build",
                "-c",
                Repository.Configuration,
                "--filter",
                Filter,
                "--results-directory",
                _folder,
                "--logger",
                "trx;LogFileName=sample.trx",
            ],
            environment,
            TestContext.Current.CancellationToken
        );
        TrxText = File.Exists(ResultsFile)
            ? await File.ReadAllTextAsync(ResultsFile)
            : throw new InvalidOperationException($"The sample run wrote no results:\n{Output}");
        _results = XDocument.Parse(TrxText);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    public string MessageOf(string test) => ResultOf(test).Descendants(Trx + "Message").First().Value;

    public string OutputOf(string test) => ResultOf(test).Descendants(Trx + "StdOut").First().Value;

    public string StackTraceOf(string test) => ResultOf(test).Descendants(Trx + "StackTrace").First().Value;

    /// <summary>The name of a test's machine, which the one bundle of its ends with.</summary>
    public string MachineOf(string test) => Path.GetExtension(BundleOf(test)!)[1..];

    public TimeSpan DurationOf(string test) => TimeSpan.Parse(ResultOf(test).Attribute("duration")!.Value, CultureInfo.InvariantCulture);

    public string[] AttachmentsOf(string test)
    {
        string execution = ResultOf(test).Attribute("relativeResultsDirectory")?.Value ?? ResultOf(test).Attribute("executionId")!.Value;
        return [.. ResultOf(test).Descendants(Trx + "ResultFile").Select(file => Find(execution, file.Attribute("path")!.Value))];
    }

    /// <summary>The one bundle of a test, or <see langword="null"/>.</summary>
    public string? BundleOf(string test) =>
        Directory.Exists(Artifacts)
            ? Directory.GetDirectories(Artifacts, $"*.{test}*", SearchOption.AllDirectories).SingleOrDefault()
            : null;

    // Relative to 'In/<execution>' below the run's own folder, whose name has the time in it.
    private string Find(string execution, string path) =>
        Directory
            .GetFiles(_folder, Path.GetFileName(path), SearchOption.AllDirectories)
            .First(file => file.Contains(execution, StringComparison.Ordinal));

    private XElement ResultOf(string test) =>
        _results
            .Descendants(Trx + "UnitTestResult")
            .Single(result => result.Attribute("testName")!.Value.Contains(test, StringComparison.Ordinal));
}
