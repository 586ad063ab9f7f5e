using System.Text;
using FluentAssertions;
using TestHarness.Commands;
using Xunit;

namespace TestHarness.Tests.Commands;

public sealed class LeaveKeysTests
{
    [Theory]
    [InlineData(true, "\x1d\x1d\x1d")]
    [InlineData(true, "abc\x1d\x1d\x1dz")]
    [InlineData(true, "\x1d", "\x1d", "", "\x1d")]
    [InlineData(true, "\x1d\x1d ", "\x1d\x1d", "\x1d")]
    [InlineData(false, "\x1d\x1d")]
    [InlineData(false, "\x1d\x1d \x1d")]
    [InlineData(false, "\x1d\x1d", "x", "\x1d")]
    public void Are_three_in_a_row(bool leaves, params string[] reads)
    {
        var keys = new LeaveKeys();

        reads.Any(read => keys.See(Encoding.UTF8.GetBytes(read))).Should().Be(leaves);
    }
}
