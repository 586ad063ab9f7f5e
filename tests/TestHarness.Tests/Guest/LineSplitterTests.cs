using System.Text;
using FluentAssertions;
using TestHarness.Guest;
using Xunit;

namespace TestHarness.Tests.Guest;

public sealed class LineSplitterTests
{
    [Theory]
    [InlineData("a\nb\n", "a|b")]
    [InlineData("a\r\n\nb", "a||b")]
    [InlineData("", "")]
    [InlineData("ä\n€", "ä|€")]
    public void Cuts_lines_wherever_the_bytes_are_cut(string text, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int cut = 1; cut <= Math.Max(1, bytes.Length); cut++)
        {
            var lines = new List<string>();
            var splitter = new LineSplitter(lines.Add);
            foreach (byte[] part in bytes.Chunk(cut))
                splitter.Add(part);
            splitter.End();
            string.Join('|', lines).Should().Be(expected);
        }
    }
}
