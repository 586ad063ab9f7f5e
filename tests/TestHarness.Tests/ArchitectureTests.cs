using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

/// <summary>
/// The library's folders are floors: a file uses types of its own floor and of those below, so no circle between two folders can come back.
/// </summary>
public sealed partial class ArchitectureTests
{
    // From the lowest one. What each holds is in docs/internals/architecture.md.
    private static readonly string[] Floors =
    [
        "Text",
        "Specs",
        "Errors",
        "Hosts",
        "Agents",
        "Images",
        "Seeds",
        "Qemu",
        "Access",
        "Operations",
        "Commands",
        "Files",
        "Consoles",
        "Screens",
        "Networks",
        "Evidence",
        "Templates",
        "Goldens",
        "Machines",
        "Clusters",
    ];

    /// <summary>Counts a folder's floor from the lowest one; a folder that is none comes after them all.</summary>
    public static int FloorOf(string folder) => Array.IndexOf(Floors, folder) is >= 0 and var floor ? floor : Floors.Length;

    [Fact]
    public void No_file_uses_a_type_of_a_floor_above_its_own()
    {
        List<SourceFile> files = ReadAll();
        ILookup<string, SourceFile> declaring = files
            .SelectMany(file => file.Types.Select(type => (type, file)))
            .ToLookup(one => one.type, one => one.file);

        IEnumerable<string> breaches =
            from file in files
            from name in file.Names
            where declaring.Contains(name)
            let lowest = declaring[name].MinBy(other => other.Floor)!
            where lowest.Floor > file.Floor && file.Sees(lowest)
            select $"{file.Path} uses {name} of {Floors[lowest.Floor]}";

        breaches.Should().BeEmpty();
    }

    [Fact]
    public void Each_source_file_lies_on_a_floor() => ReadAll().Where(file => file.Floor < 0).Select(file => file.Path).Should().BeEmpty();

    private static List<SourceFile> ReadAll([CallerFilePath] string me = "")
    {
        string root = Path.GetFullPath("../../src/TestHarness", Path.GetDirectoryName(me)!);
        IEnumerable<string> paths = Directory
            .GetFiles(root, "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(root, file));
        return
        [
            .. paths
                .Where(path => !path.StartsWith("obj/", StringComparison.Ordinal) && !path.StartsWith("bin/", StringComparison.Ordinal))
                .Select(path => new SourceFile(path, CodeOf(File.ReadAllText(Path.Combine(root, path))))),
        ];
    }

    // Of comments nothing is left, of texts what is interpolated into them.
    private static string CodeOf(string source) =>
        NotCode()
            .Replace(source, found =>
                found.Value[0] == '/' ? "" : string.Join(' ', Interpolation().Matches(found.Value).Select(match => match.Value))
            );

    [GeneratedRegex(@"//.*|/\*[\s\S]*?\*/|'(?:[^'\\\n]|\\.)'|""""""[\s\S]*?""""""|""(?:[^""\\\n]|\\.)*""")]
    private static partial Regex NotCode();

    [GeneratedRegex(@"(?<=\{)[^{}""]*(?=\})")]
    private static partial Regex Interpolation();

    [GeneratedRegex(
        @"^(?:(?:public|internal|file|static|sealed|abstract|partial|readonly|unsafe|ref) )*"
            + @"(?:record struct|class|struct|record|interface|enum|delegate [\w<>?\[\], ]+?) (\w+)",
        RegexOptions.Multiline
    )]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"(?<![\w.])[A-Z]\w*")]
    private static partial Regex Name();

    private sealed record SourceFile(string Path, string Code)
    {
        public int Floor { get; } = Array.IndexOf(Floors, Path.Split('/')[0]);

        public string[] Types { get; } = [.. TypeDeclaration().Matches(Code).Select(match => match.Groups[1].Value).Distinct()];

        // Members that are named like a type are none.
        public IEnumerable<string> Names =>
            Name()
                .Matches(Code)
                .Select(match => match.Value)
                .Distinct()
                .Where(name => !Regex.IsMatch(Code, $@"[\w>?\]] {name} *(=|\{{|\(|;|,\r?$)", RegexOptions.Multiline));

        public bool Sees(SourceFile other) =>
            $"\n{other.Code}".Contains("\nnamespace TestHarness;", StringComparison.Ordinal)
            || Code.Contains($"using TestHarness.{Floors[other.Floor]};", StringComparison.Ordinal);
    }
}
