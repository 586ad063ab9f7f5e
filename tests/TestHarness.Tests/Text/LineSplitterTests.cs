using System.Text;
using FluentAssertions;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

public sealed class LineSplitterTests
{
    [Theory]
    [InlineData("a\nb\n", "a|b")]
    [InlineData("a\r\n\nb", "a||b")]
    [InlineData("", "")]
    [InlineData("ä\n€", "ä|€")]
    public void Cuts_lines_wherever_the_bytes_are_cut(string text, string expected) =>
        Split(text, LineSplitter.MaxLineBytes).Should().Be(expected);

    [Theory]
    [InlineData("12345678\n", "12345678")]
    [InlineData("123456789\n\nx", "12345678|9||x")]
    [InlineData("12345678\r\nx", "12345678|x")]
    [InlineData("1234567\r\r\nx", "1234567|\r|x")]
    [InlineData("1234567€\n", "1234567|€")]
    [InlineData("123456789012345678", "12345678|90123456|78")]
    public void Hands_on_a_long_line_in_pieces_of_whole_characters(string text, string expected) =>
        Split(text, maxLineBytes: 8).Should().Be(expected);

    [Fact]
    public void Loses_nothing_of_a_line_of_100_MB()
    {
        long characters = 0;
        int longest = 0;
        var splitter = new LineSplitter(line => (characters, longest) = (characters + line.Length, Math.Max(longest, line.Length)));
        byte[] part = new byte[100_000];

        for (int i = 0; i < 1000; i++)
            splitter.Add(part);
        splitter.End();

        (characters, longest).Should().Be((100_000_000, LineSplitter.MaxLineBytes));
    }

    // The same, however the bytes come.
    private static string Split(string text, int maxLineBytes)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        string[] results =
        [
            .. Enumerable
                .Range(1, Math.Max(1, bytes.Length))
                .Select(cut =>
                {
                    var lines = new List<string>();
                    var splitter = new LineSplitter(lines.Add, maxLineBytes);
                    foreach (byte[] part in bytes.Chunk(cut))
                        splitter.Add(part);
                    splitter.End();
                    return string.Join('|', lines);
                })
                .Distinct(),
        ];
        return results.Should().ContainSingle().Subject;
    }
}
