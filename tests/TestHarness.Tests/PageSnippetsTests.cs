using System.Text.RegularExpressions;
using FluentAssertions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace TestHarness.Tests;

/// <summary>The code on the pages compiles as it stands there.</summary>
public sealed partial class PageSnippetsTests
{
    private const string Usings = """
        using System;
        using System.IO;
        using System.Threading.Tasks;
        using FluentAssertions;
        using TestHarness;
        using TestHarness.FluentAssertions;
        using TestHarness.Xunit;
        using Xunit;

        """;

    // What this project was built with is what a user's project has, and more.
    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Select(file => MetadataReference.CreateFromFile(file)),
    ];

    [Theory, MemberData(nameof(PagesTests.All), MemberType = typeof(PagesTests))]
    public void Compile(string page)
    {
        string[] snippets = [.. Block().Matches(PagesTests.Read(page)).Select(match => match.Groups[1].Value)];

        snippets.SelectMany(Errors).Should().BeEmpty();
    }

    private const string Given = "static VirtualMachine vm = null!; static Cluster cluster = null!;";

    private static IEnumerable<string> Errors(string snippet)
    {
        string[] lines = snippet.Split('\n');
        string usings = string.Join('\n', lines.Where(line => line.StartsWith("using ", StringComparison.Ordinal))),
            code = string.Join('\n', lines.Where(line => !line.StartsWith("using ", StringComparison.Ordinal)));
        // A page's own 'vm' or 'cluster' comes before the fields, which stand for those of a test.
        string program = code.Contains("class ", StringComparison.Ordinal)
            ? code
            : $"class Snippet {{ {Given} static async Task RunAsync() {{ await Task.Yield();\n{code}\n}} }}";
        var compilation = CSharpCompilation.Create(
            "snippet",
            [CSharpSyntaxTree.ParseText($"{Usings}{usings}\n{program}")],
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable)
        );
        return compilation
            .GetDiagnostics(TestContext.Current.CancellationToken)
            .Where(one => one.Severity == DiagnosticSeverity.Error)
            .Select(one => $"{one.GetMessage()} in: {snippet}");
    }

    [GeneratedRegex("^```csharp\n(.*?)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Block();
}
