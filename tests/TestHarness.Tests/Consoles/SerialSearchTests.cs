using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.Consoles;
using Xunit;

namespace TestHarness.Tests.Consoles;

public sealed class SerialSearchTests
{
    [Theory]
    [InlineData("login:", "boot\nlogin: ")]
    [InlineData("größe €", "xx größe € yy")]
    [InlineData("🐧", "🐧")]
    [InlineData("a\nb", "a\r\r\nb")]
    [InlineData("aab", "aaaab")]
    public void Finds_a_text_however_its_bytes_come(string text, string written)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(written);
        for (int cut = 1; cut <= bytes.Length; cut++)
        {
            var log = new SerialLog();
            SerialSearch<string> search = ForText(log, text);
            (long Start, long End, string Value)? found = null;
            foreach (byte[] part in bytes.Chunk(cut))
            {
                log.Append(part);
                found ??= search.Next(0);
            }

            found.Should().NotBeNull($"it came in pieces of {cut} bytes");
            string before = log.Text[..log.Text.IndexOf(text, StringComparison.Ordinal)];
            (found!.Value.Start, found.Value.End - found.Value.Start)
                .Should()
                .Be((Encoding.UTF8.GetByteCount(before), Encoding.UTF8.GetByteCount(text)));
        }
    }

    [Fact]
    public void Goes_on_where_the_last_match_ended_and_knows_what_is_before_it()
    {
        var log = new SerialLog();
        log.Append("one two\ntwo one\n"u8);
        var lineStart = new Regex("^two", RegexOptions.Multiline);

        long afterOne = ForText(log, "one").Next(0)!.Value.End;
        (long start, long end, _) = ForPattern(log, lineStart).Next(afterOne)!.Value;

        (afterOne, start, end).Should().Be((3, 8, 11));
        ForPattern(log, new Regex("^one")).Next(afterOne).Should().BeNull("the log does not begin there");
        ForText(log, "two").Next(end).Should().BeNull();
    }

    [Fact]
    public void Finds_a_match_that_began_before_the_last_search()
    {
        var log = new SerialLog();
        SerialSearch<Match> search = ForPattern(log, new Regex(@"begin\n(.*\n)*end"));
        for (int i = 0; i < 1000; i++)
        {
            log.Append(i == 0 ? "begin\n"u8 : "some line of a report\n"u8);
            search.Next(0).Should().BeNull();
        }

        log.Append("end"u8);

        search
            .Next(0)!
            .Value.Should()
            .Match<(long Start, long End, Match Value)>(found => found.Start == 0 && found.End == log.Text.Length);
    }

    [Fact]
    public void Searches_on_behind_what_is_dropped()
    {
        var log = new SerialLog(headBytes: 8192, tailBytes: 8192);
        SerialSearch<string> text = ForText(log, "needle");
        SerialSearch<Match> pattern = ForPattern(log, new Regex("need(le)"));
        for (int i = 0; i < 100; i++)
        {
            log.Append(Encoding.UTF8.GetBytes(new string('x', 1000)));
            if (i % 10 == 0)
                text.Next(0).Should().BeNull();
        }

        log.Append("needle"u8);

        (text.Next(0)!.Value.Start, pattern.Next(0)!.Value.Start, ForText(log, "needle").Next(0)!.Value.Start)
            .Should()
            .Be((100_000, 100_000, 100_000));
        text.Next(100_006).Should().BeNull();
    }

    [Fact]
    public void Does_not_search_all_again_with_every_piece()
    {
        var log = new SerialLog();
        log.Append(new byte[10_000_000]);
        SerialSearch<string> text = ForText(log, "needle");
        SerialSearch<Match> pattern = ForPattern(log, new Regex("needl[e]"));
        long began = Stopwatch.GetTimestamp();

        for (int i = 0; i < 1000; i++)
        {
            log.Append("y\n"u8);
            text.Next(0).Should().BeNull();
            pattern.Next(0).Should().BeNull();
        }

        // Searching all of it 2000 times takes a minute.
        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(5));
    }

    private static SerialSearch<string> ForText(SerialLog log, string text) => SerialSearch.For(log, text);

    private static SerialSearch<Match> ForPattern(SerialLog log, Regex pattern) => SerialSearch.For(log, pattern);
}
