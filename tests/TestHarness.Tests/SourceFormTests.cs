using System.Runtime.CompilerServices;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

/// <summary>The form of the source, as far as a formatter does not see to it.</summary>
public sealed class SourceFormTests
{
    private const int Columns = 140;
    private const int Lines = 300;

    private static readonly string Root = Path.GetFullPath("../..", Path.GetDirectoryName(Source())!);

    [Fact]
    public void No_line_is_longer_than_140_columns_but_in_a_text_that_stands_as_it_is() =>
        Files("*.cs").SelectMany(file => LongLines(file, File.ReadAllLines(file))).Should().BeEmpty();

    [Theory]
    [InlineData("*.cs")]
    [InlineData("*.c")]
    [InlineData("*.h")]
    public void No_file_is_longer_than_300_lines(string pattern) =>
        Files(pattern).Where(file => File.ReadLines(file).Count() > Lines).Should().BeEmpty();

    private static IEnumerable<string> Files(string pattern) =>
        from folder in (string[])["src", "tests", "examples"]
        from file in Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
        where !file.Split('/').Any(part => part is "bin" or "obj" or "TestResults")
        select file;

    // A raw string literal goes from one run of three quotes or more to the next.
    private static IEnumerable<string> LongLines(string file, string[] lines)
    {
        bool isRaw = false;
        foreach ((int index, string line) in lines.Index())
        {
            int runs = Runs(line);
            if (line.Length > Columns && !isRaw && runs == 0)
                yield return $"{Path.GetRelativePath(Root, file)}:{index + 1}";
            isRaw ^= runs % 2 == 1;
        }
    }

    private static int Runs(string line)
    {
        int runs = 0;
        for (int at = line.IndexOf("\"\"\"", StringComparison.Ordinal); at >= 0; runs++)
        {
            int end = at;
            while (end < line.Length && line[end] == '"')
                end++;
            at = line.IndexOf("\"\"\"", end, StringComparison.Ordinal);
        }

        return runs;
    }

    private static string Source([CallerFilePath] string path = "") => path;
}
