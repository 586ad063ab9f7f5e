using FluentAssertions;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace TestHarness.Tests;

/// <summary>
/// The page of faults has what the tests say of themselves (<see cref="FaultAttribute"/>), in the order of the tests' folders. It is
/// written by: <c>PAGES=write dotnet test tests/TestHarness.Tests --filter FaultsPageTests</c>.
/// </summary>
public sealed class FaultsPageTests
{
    private const string Page = "docs/faults.md";
    private static readonly string[] Projects = ["tests/TestHarness.Tests", "tests/TestHarness.MachineTests"];
    private const string Head = "| fault | what happens | tests |\n|---|---|---|\n";

    [Fact]
    public async Task Its_table_is_what_the_tests_say()
    {
        string page = PagesTests.Read(Page);
        int start = page.IndexOf(Head, StringComparison.Ordinal) + Head.Length,
            end = page.IndexOf("\n\n", start, StringComparison.Ordinal) is var at and >= 0 ? at + 1 : page.Length;
        string table = string.Concat(Rows().Select(row => $"{row}\n"));
        if (Environment.GetEnvironmentVariable("PAGES") == "write")
            await File.WriteAllTextAsync(
                Path.Combine(PagesTests.Root, Page),
                $"{page[..start]}{table}{page[end..]}",
                TestContext.Current.CancellationToken
            );
        else
            page[start..end].Should().Be(table, "PAGES=write dotnet test tests/TestHarness.Tests --filter FaultsPageTests writes it");
    }

    private static IEnumerable<string> Rows()
    {
        string[] files =
        [
            .. Projects
                .SelectMany(project => Directory.GetFiles(Path.Combine(PagesTests.Root, project), "*Tests.cs", SearchOption.AllDirectories))
                .Select(file => Path.GetRelativePath(PagesTests.Root, file)),
        ];
        return from file in files
            orderby ArchitectureTests.FloorOf(Path.GetFileName(Path.GetDirectoryName(file))!), Path.GetFileName(file), file
            from fault in FaultsIn(file)
            let tests = fault.Skip(2).Select(name => Nearest(files, name, file)).Prepend(file)
            select $"| {fault[0]} | {fault[1]} | {string.Join(", ", tests.Select(Link))} |";
    }

    private static IEnumerable<string[]> FaultsIn(string file) =>
        from attribute in CSharpSyntaxTree
            .ParseText(PagesTests.Read(file), cancellationToken: TestContext.Current.CancellationToken)
            .GetRoot(TestContext.Current.CancellationToken)
            .DescendantNodes()
            .OfType<AttributeSyntax>()
        where attribute.Name.ToString() == "Fault"
        select attribute.ArgumentList!.Arguments.Select(argument => TextOf(argument.Expression)).ToArray();

    // Of a literal, or of several with '+' between them.
    private static string TextOf(ExpressionSyntax text) =>
        string.Concat(text.DescendantNodesAndSelf().OfType<LiteralExpressionSyntax>().Select(part => part.Token.ValueText));

    // Both projects may have a class of that name.
    private static string Nearest(string[] files, string name, string from) =>
        files
            .Where(file => Path.GetFileNameWithoutExtension(file) == name)
            .OrderByDescending(file => file.Split('/')[1] == from.Split('/')[1])
            .FirstOrDefault()
        ?? throw new InvalidOperationException($"{from} names {name}, and there is no such file of tests.");

    private static string Link(string file) => $"[{Path.GetFileNameWithoutExtension(file)}](../{file})";
}
