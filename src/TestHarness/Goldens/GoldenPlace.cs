using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Goldens;

/// <summary>Where a golden's files are, as Verify names them: beside the test's source, <c>Class.Method.name.verified.png</c>.</summary>
internal sealed class GoldenPlace
{
    private readonly string _prefix;
    private readonly string _extension;

    /// <param name="name">The golden's name.</param>
    /// <param name="extension">The files' ending, with the dot.</param>
    /// <param name="variant">The word for this platform that the caller gives.</param>
    /// <param name="platforms">Words for which there may be files of their own.</param>
    /// <param name="caller">Where the golden was asked for; names it where no test framework tells the test.</param>
    public GoldenPlace(string name, string extension, string? variant, IReadOnlyList<string> platforms, GoldenCaller caller)
    {
        RequireWord(name, nameof(name));
        if (variant is not null)
            RequireWord(variant, nameof(variant));
        Name = name;
        _extension = extension;
        Test = Golden.CurrentTest?.Invoke();
        string source = Test?.SourceFile ?? caller.SourceFile;
        Folder =
            Path.GetDirectoryName(source) is { Length: > 0 } folder && Directory.Exists(folder) ? folder : throw NoFolder(name, source);
        string className = Test is { } test ? GoldenClassName.Of(test.TestClass) : Path.GetFileNameWithoutExtension(source);
        string rest = $"{Test?.Method ?? caller.Member}.{name}";
        _prefix = $"{className}.{rest}";
        TestId = Test?.Id ?? _prefix;
        TestName = Test?.DisplayName ?? $"{className}.{caller.Member}";
        // A word that the caller gives is for new files, too; others only where somebody has made such a file.
        string? platform = variant ?? platforms.FirstOrDefault(word => Accepted($"{_prefix}.{word}").Count > 0);
        string own = platform is null ? _prefix : $"{_prefix}.{platform}";
        AcceptedFiles = Accepted(own) is { Count: > 0 } files ? files : Accepted(_prefix);
        VerifiedFile = Path.Combine(Folder, $"{own}.verified{extension}");
        ReceivedFile = Path.Combine(Folder, $"{own}.received{extension}");
        DifferenceFile = Path.Combine(Folder, $"{own}.received.difference.png");
        FormerFile =
            Test is { TestClass: { IsNested: true } nested } && Accepted($"{GoldenClassName.Own(nested)}.{rest}") is [var former, ..]
                ? former
                : null;
    }

    public string Name { get; }

    public string Folder { get; }

    public GoldenTest? Test { get; }

    public string TestId { get; }

    public string TestName { get; }

    /// <summary>
    /// The goldens that there are, any of which is right: <c>name.verified.png</c>, <c>name.1.verified.png</c> and so on.
    /// </summary>
    public IReadOnlyList<string> AcceptedFiles { get; }

    /// <summary>Where a new golden is written.</summary>
    public string VerifiedFile { get; }

    /// <summary>
    /// A golden by the name that was taken before for a class inside of another one: without the outer class's, and so perhaps of a class
    /// of the same name elsewhere.
    /// </summary>
    public string? FormerFile { get; }

    public string ReceivedFile { get; }

    public string DifferenceFile { get; }

    private List<string> Accepted(string prefix)
    {
        List<string> files = [];
        string first = Path.Combine(Folder, $"{prefix}.verified{_extension}");
        if (File.Exists(first) && !GoldenPlaceholder.Is(first))
            files.Add(first);
        files.AddRange(
            Directory
                .EnumerateFiles(Folder, $"{prefix}.*.verified{_extension}")
                .Select(file =>
                    (File: file, Middle: Path.GetFileName(file)[(prefix.Length + 1)..^(".verified".Length + _extension.Length)])
                )
                .Where(found => found.Middle.Length > 0 && found.Middle.All(char.IsAsciiDigit) && !GoldenPlaceholder.Is(found.File))
                .OrderBy(found => found.Middle.Length)
                .ThenBy(found => found.Middle, StringComparer.Ordinal)
                .Select(found => found.File)
        );
        return files;
    }

    private static void RequireWord(string text, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(text, parameter);
        if (
            !text.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_')
            || (parameter == "variant" && text.All(char.IsAsciiDigit))
        )
            throw new ArgumentException(
                $"'{PrintableText.Of(text)}' is no name for a golden's file: use letters, digits, '-' and '_'; a variant is no number.",
                parameter
            );
    }

    private static GoldenMismatchException NoFolder(string name, string source) =>
        new(
            name,
            new FailureText($"The golden '{name}' has no place: the folder of the test's source file does not exist here.")
                .Add("Source file", source)
                .Try("run the tests where they were built, and build them without path mapping (DeterministicSourcePaths=false).")
        );
}

/// <summary>The source file and the method that asked for a golden.</summary>
internal sealed record GoldenCaller(string SourceFile, string Member);
