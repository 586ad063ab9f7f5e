using FluentAssertions;
using TestHarness.Tool.Machines;
using Xunit;

namespace TestHarness.Tests.Tool;

public sealed class SystemdTextTests
{
    [Theory]
    [InlineData("/usr/bin/testvm", "\"/usr/bin/testvm\"", "\"/usr/bin/testvm\"")]
    [InlineData("/a b/testvm", "\"/a b/testvm\"", "\"/a b/testvm\"")]
    [InlineData("/100%/$HOME", "\"/100%%/$HOME\"", "\"/100%%/$$HOME\"")]
    [InlineData("/a\"b\\c", "\"/a\\\"b\\\\c\"", "\"/a\\\"b\\\\c\"")]
    [InlineData("/a\nExecStart=/b", "\"/a\\nExecStart=/b\"", "\"/a\\nExecStart=/b\"")]
    public void Is_one_word_with_nothing_replaced(string word, string program, string argument)
    {
        SystemdText.Program(word).Should().Be(program);
        SystemdText.Argument(word).Should().Be(argument);
    }

    [Fact]
    public void Is_one_assignment() =>
        SystemdText.Environment("TESTHARNESS_DATA", "/my data/50%").Should().Be("Environment=\"TESTHARNESS_DATA=/my data/50%%\"");
}
