using System.Text;
using FluentAssertions;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Evidence;

/// <summary>Secrets in lines that somebody follows.</summary>
public sealed class LiveMaskTests
{
    [Theory]
    [InlineData("password=tr0ub4dor!", "password=***!")]
    [InlineData("key: first-line|second|ef|: end", "key: ***|***|***|: end")]
    [InlineData("key: first-line|second|efx", "key: ***|***|***x")]
    [InlineData("first-line|something else|ef", "***|something else|ef")]
    [InlineData("ab|cd|ef|gh", "ab|***|***|gh")]
    [InlineData("x ab|y", "x ab|y")]
    [InlineData("|nothing|at all", "|nothing|at all")]
    public void Masks_lines_as_they_come(string lines, string expected)
    {
        var mask = new LiveMask(new SecretMask(["first-line\nsecond\nef", "ab\ncd\nef", "tr0ub4dor"]));

        string.Join('|', lines.Split('|').Select(mask.Apply)).Should().Be(expected);
    }

    [Fact]
    public void Finds_a_secret_in_the_pieces_of_a_long_line()
    {
        var shown = new StringBuilder();
        var mask = new LiveMask(new SecretMask(["tr0ub4dor"]));
        var lines = new LineSplitter(piece => shown.Append(mask.Apply(piece)));
        byte[] text = Encoding.UTF8.GetBytes($"{new string('x', LineSplitter.MaxLineBytes - 4)}tr0ub4dor, and more");

        foreach (byte[] chunk in text.Chunk(1000))
            lines.Add(chunk);
        lines.End();

        shown.ToString().TrimStart('x').Should().Be("******, and more");
    }

    [Fact]
    public void Holds_no_more_than_a_secret_reaches_back_and_no_line()
    {
        var mask = new LiveMask(new SecretMask([string.Join('\n', Enumerable.Repeat("0123456789abcdef", 100))]));
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int line = 0; line < 1000; line++)
            mask.Apply("another line").Should().Be("another line");

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(64 * 1024 * 1024);
    }
}
