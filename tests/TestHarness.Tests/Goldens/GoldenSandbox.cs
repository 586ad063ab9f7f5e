using System.Runtime.CompilerServices;
using TestHarness.Screens;
using TestHarness.Tests.Screens;
using Xunit;

namespace TestHarness.Tests.Goldens;

/// <summary>These tests say which test runs and which mode is on, for the whole process: one at a time.</summary>
[CollectionDefinition(nameof(GoldenCollection), DisableParallelization = true)]
public sealed class GoldenCollection;

/// <summary>A folder with the source of a test that does not exist, as which goldens are compared; and the mode.</summary>
internal sealed class GoldenSandbox : IDisposable
{
    private const string Mode = "TESTHARNESS_GOLDENS";

    private readonly Func<GoldenTest?>? _before = Golden.CurrentTest;
    private readonly string? _modeBefore = Environment.GetEnvironmentVariable(Mode);

    public GoldenSandbox(string? mode = null)
    {
        Folder = Directory.CreateTempSubdirectory("goldens-").FullName;
        SetMode(mode);
        Run("1");
    }

    public string Folder { get; }

    /// <summary>What a failed comparison attached to the test.</summary>
    public Dictionary<string, byte[]> Attached { get; } = [];

    public static void SetMode(string? mode) => Environment.SetEnvironmentVariable(Mode, mode);

    /// <summary>Begins another test, or row of a theory.</summary>
    public GoldenTest Run(string id, string method = "Boots", Type? testClass = null)
    {
        var test = new GoldenTest(
            $"{Folder}/{id}",
            $"LoginTests.{method}({id})",
            testClass ?? typeof(LoginTests),
            method,
            At("LoginTests.cs")
        )
        {
            Attach = (name, content) => Attached[name] = content.ToArray(),
        };
        Golden.CurrentTest = () => test;
        return test;
    }

    public string At(string name) => Path.Combine(Folder, name);

    public string[] Files => [.. Directory.GetFiles(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];

    public void Add(string name, PixelImage picture) => File.WriteAllBytes(At(name), PngFile.Write(picture));

    public static Screenshot Shot(PixelImage picture) => new(picture);

    /// <summary>A screen with a word on it.</summary>
    public static PixelImage Screen(string word = "HELLO", uint colour = Pictures.Grey, int x = 40, int y = 300)
    {
        PixelImage picture = Pictures.Screen(640, 400);
        Pictures.Write(picture, word, x, y, colour);
        return picture;
    }

    public void Dispose()
    {
        Golden.CurrentTest = _before;
        SetMode(_modeBefore);
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Nobody sits at the machine to see a tool that is opened by tests that fail on purpose.</summary>
    [ModuleInitializer]
    internal static void OpenNoTools() => DiffEngine.DiffRunner.Disabled = true;
}

/// <summary>The test class that does not exist: only its name and its method count.</summary>
internal sealed class LoginTests
{
    public static void Boots() { }
}
