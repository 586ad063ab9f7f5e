using System.Text;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.Tests;

public sealed class SerialLogAssertionsTests
{
    [Fact]
    public void Texts_in_order_are_found_and_the_first_that_is_not_is_named()
    {
        SerialLog log = Log("one two {three} two four");
        log.Should().ContainInOrder("one", "two", "two", "four").And.ContainInOrder();
        log.CountInOrder("one", "four", "two").Should().Be(2);

        Message(() => log.Should().ContainInOrder("one", "{three}", "one"))
            .Should()
            .StartWith(
                "Expected the serial log to contain \"one\" behind \"{three}\" (number 3 of 3), but it is there, but not in this "
                    + "order. Its last lines are:\none two {three} two four"
            );
        Message(() => log.Should().ContainInOrder("five")).Should().Contain("\"five\" (number 1 of 1), but it is nowhere");
    }

    [Fact]
    public void Text_is_what_a_terminal_would_have_shown()
    {
        SerialLog log = Log("Pass\u001b[1mword\u001b[0m:");
        log.Should().HaveText("Password:");

        Message(() => log.Should().HaveText("login:", "it {0}", "asks"))
            .Should()
            .StartWith("Expected the serial log to show \"login:\" because it asks, but its last lines are:\nPassword:");
        Message(() => log.Should().Contain("Password:")).Should().Contain("Pass\\x1b[1mword");
    }

    private static string Message(Action assert) => assert.Should().Throw<Exception>().Which.Message;

    private static SerialLog Log(string text)
    {
        var log = new SerialLog();
        log.Append(Encoding.UTF8.GetBytes(text));
        return log;
    }
}
