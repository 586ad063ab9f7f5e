namespace TestHarness;

/// <summary>
/// The test that goldens are named after and that a failed comparison belongs to. Test frameworks tell it
/// (<see cref="Golden.CurrentTest"/>).
/// </summary>
/// <param name="Id">What no two tests share, not even two rows of a theory.</param>
/// <param name="DisplayName">What people call it.</param>
/// <param name="TestClass">The class.</param>
/// <param name="Method">The method's name.</param>
/// <param name="SourceFile">The source file, or <see langword="null"/> where it is not known; then the file that asks for the golden
/// counts.</param>
public sealed record GoldenTest(string Id, string DisplayName, Type TestClass, string Method, string? SourceFile)
{
    /// <summary>
    /// Gets what receives the files of a failed comparison, name and content: expected, actual, difference. Default: nothing does.
    /// </summary>
    public Action<string, ReadOnlyMemory<byte>>? Attach { get; init; }
}
