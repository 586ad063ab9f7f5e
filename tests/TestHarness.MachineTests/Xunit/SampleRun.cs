using System.Globalization;
using System.Xml.Linq;
using Xunit;

namespace TestHarness.MachineTests.Xunit;

/// <summary>One run of the sample tests that fail, with its TRX file.</summary>
public class SampleRun : IAsyncLifetime
{
    private static readonly XNamespace Trx = "http://microsoft.com/schemas/VisualStudio/TeamTest/2010";

    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-trx-").FullName;
    private readonly string _filter;
    private XDocument _results = new();

    public SampleRun()
        : this("FullyQualifiedName!~Hang&FullyQualifiedName!~Hundred&FullyQualifiedName!~Hostile")
    {
    }

    protected SampleRun(string filter) => _filter = filter;

    /// <summary>What <c>dotnet test</c> printed.</summary>
    public string Output { get; private set; } = "";

    /// <summary>The TRX file.</summary>
    public string TrxText { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        (_, Output) = await Repository.RunAsync(
            "dotnet",
            [
                "test", Repository.SampleTests, "--no-build", "-c", Repository.Configuration, "--filter", _filter,
                "--results-directory", _folder, "--logger", "trx;LogFileName=sample.trx",
            ],
            environment: null,
            TestContext.Current.CancellationToken);
        string file = Path.Combine(_folder, "sample.trx");
        TrxText = File.Exists(file) ? await File.ReadAllTextAsync(file) : throw new InvalidOperationException($"The sample run wrote no results:\n{Output}");
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

    public TimeSpan DurationOf(string test) => TimeSpan.Parse(ResultOf(test).Attribute("duration")!.Value, CultureInfo.InvariantCulture);

    public string[] AttachmentsOf(string test)
    {
        string execution = ResultOf(test).Attribute("relativeResultsDirectory")?.Value ?? ResultOf(test).Attribute("executionId")!.Value;
        return
        [
            .. ResultOf(test).Descendants(Trx + "ResultFile").Select(file => Find(execution, file.Attribute("path")!.Value)),
        ];
    }

    // Relative to 'In/<execution>' below the run's own folder, whose name has the time in it.
    private string Find(string execution, string path) =>
        Directory.GetFiles(_folder, Path.GetFileName(path), SearchOption.AllDirectories).First(file => file.Contains(execution, StringComparison.Ordinal));

    private XElement ResultOf(string test) =>
        _results.Descendants(Trx + "UnitTestResult").Single(result => result.Attribute("testName")!.Value.Contains(test, StringComparison.Ordinal));
}
