using FluentAssertions;
using TestHarness.Text;
using Xunit;

namespace TestHarness.Tests.Text;

public sealed class TerminalTextTests
{
    [Theory]
    [InlineData("plain\n\ttext ä🐧\n", "plain\n\ttext ä🐧\n")]
    [InlineData("\e[1;31mred\e[0m \e[?2004hroot# \e[?2004l", "red root# ")]
    [InlineData("\e]0;a title\aone\e]8;;http://x\e\\two", "onetwo")]
    [InlineData("\e(Bset\e7\e8\ec \eMdone", "set done")]
    [InlineData("  5%\r 50%\r100%\n", "100%\n")]
    [InlineData("longer\rlong", "longer")]
    [InlineData("longer\r\e[Klong", "long")]
    [InlineData("[    ] Starting\r[ OK ] Started \e[K\n", "[ OK ] Started \n")]
    [InlineData("abc\b\bX", "aXc")]
    [InlineData("ab\e[1Dc\e[3Gd\e[2Ce", "acd  e")]
    [InlineData("abc\e[2Kx", "   x")]
    [InlineData("abcd\e[2D\e[1Kx", "  xd")]
    [InlineData("a\0b\x07" + "c\u009b", "abc")]
    [InlineData("cut \e[1;3", "cut ")]
    [InlineData("cut \e", "cut ")]
    [InlineData("\e]0;no end\nnext", "\nnext")]
    [InlineData("\e[99999999999Cx", " x")]
    public void Is_what_a_terminal_shows(string written, string shown) => TerminalText.Of(written).Should().Be(shown);

    [Fact]
    public void Takes_no_memory_for_a_movement()
    {
        string moves = string.Concat(Enumerable.Repeat("\e[1000C", 1000));

        TerminalText.Of($"{moves}x").Length.Should().BeLessThan(2000);
    }
}
