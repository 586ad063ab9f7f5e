using System.Text;
using FluentAssertions;
using FsCheck;
using FsCheck.Fluent;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

public sealed class HeadAndTailTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("abc", "abc")]
    [InlineData("abcdefgh", "abcdefgh")]
    [InlineData("abcdefghi", "abc\n[… 1 bytes dropped …]\nefghi")]
    [InlineData("abcdefghijklmnopqrstuvwxyz", "abc\n[… 18 bytes dropped …]\nvwxyz")]
    public void Keeps_beginning_and_end_and_says_what_is_missing(string text, string expected)
    {
        for (int cut = 1; cut <= Math.Max(1, text.Length); cut++)
        {
            HeadAndTail kept = Make(3, 5, Encoding.UTF8.GetBytes(text).Chunk(cut));
            Encoding.UTF8.GetString(kept.ToMemory().Span).Should().Be(expected, $"it came in pieces of {cut} bytes");
        }
    }

    [Fact]
    public void Has_the_right_byte_at_every_position_that_is_kept() =>
        Prop.ForAll(Gen.Choose(0, 9).Three().ToArbitrary(), Gen.Choose(0, 12).ListOf().ToArbitrary(), (sizes, lengths) =>
            {
                (int head, int tail, int last) = sizes;
                byte[] all = [.. Enumerable.Range(0, lengths.Sum()).Select(i => (byte)i)];
                int at = 0;
                HeadAndTail kept = Make(head, tail, lengths.Select(length => all[at..(at += length)]));
                long position = kept.Kept(Math.Min(last * 5, all.Length));
                var copy = new byte[kept.CountFrom(position)];
                kept.CopyTo(position, copy);
                return kept.Length == all.Length
                    && kept.Dropped == Math.Max(0, all.Length - head - tail)
                    && copy.AsSpan().SequenceEqual(all.AsSpan((int)position, copy.Length))
                    && kept.Kept(position + copy.Length) - position - copy.Length is var gap
                    && (gap == 0 || gap == kept.Dropped)
                    && all.AsSpan().EndsWith(kept.Last(last));
            })
            .QuickCheckThrowOnFailure();

    private static HeadAndTail Make(int head, int tail, IEnumerable<byte[]> parts)
    {
        var kept = new HeadAndTail(head, tail);
        foreach (byte[] part in parts)
            kept.Append(part);
        return kept;
    }
}
