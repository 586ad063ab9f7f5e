using FluentAssertions;
using TestHarness.Tool.Repl;
using Xunit;

namespace TestHarness.Tests.Tool;

/// <summary>The C# of <c>testvm repl</c>, with a text in the place of the machine.</summary>
public sealed class ScriptSessionTests
{
    private readonly ScriptSession _session = new(new SampleGlobals());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Keeps_what_was_declared_and_shows_values()
    {
        (await _session.RunAsync("int n = 40;", Token)).Should().Be(new ScriptOutcome("", null));
        (await _session.RunAsync("n + 2", Token)).Should().Be(new ScriptOutcome("42", null));
        (await _session.RunAsync("await Task.FromResult(vm.Length)", Token)).Text.Should().Be("8");
        (await _session.RunAsync("new[] { 3, 1 }.Order()", Token)).Text.Should().EndWith("{ 1, 3 }");
        (await _session.RunAsync("new MachineSpec { Image = \"tiny\" }.Image", Token))
            .Text.Should()
            .Be("\"tiny\"", "the library's types are those of the tool");
    }

    [Fact]
    public async Task Goes_on_after_errors()
    {
        (await _session.RunAsync("nothing + 1", Token))
            .Error.Should()
            .Be("(1,1): error CS0103: The name 'nothing' does not exist in the current context");
        (await _session.RunAsync("throw new InvalidOperationException(\"no\");", Token))
            .Error.Should()
            .Be("System.InvalidOperationException: no");
        (await _session.RunAsync("1 + 1", Token)).Text.Should().Be("2");
    }

    [Fact]
    public async Task Shows_a_commands_output_as_the_guest_wrote_it()
    {
        (await _session.RunAsync("result", Token)).Text.Should().Be("out\nexit code 3");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Says_that_an_await_is_missing() =>
        (await _session.RunAsync("Task.FromResult(1)", Token)).Text.Should().Contain("await it");

    [Theory]
    [InlineData("1 + 1", true)]
    [InlineData("foreach (int i in new[] { 1 })\n{", false)]
    [InlineData("foreach (int i in new[] { 1 })\n{\n}", true)]
    [InlineData("var text = \"\"\"\n", false)]
    [InlineData("1 +", false)]
    public void Tells_whether_a_piece_is_whole(string text, bool isComplete) => ScriptSession.IsComplete(text).Should().Be(isComplete);

    public sealed class SampleGlobals
    {
        public string vm { get; } = "in place";

        public ShellResult result { get; } =
            new()
            {
                Command = "x",
                ExitCode = 3,
                StandardOutputBytes = "out\n"u8.ToArray(),
            };
    }
}
