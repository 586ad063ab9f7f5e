using FluentAssertions;
using TestHarness.Goldens;
using TestHarness.Screens;
using Xunit;

namespace TestHarness.Tests.Goldens;

/// <summary>What a developer's diff tool is opened with, and what is left when it needs a file that does not exist.</summary>
[Collection(nameof(GoldenCollection))]
[Fault(
    "A golden is missing, and DiffEngine has a tool that needs two files. An earlier run left the tool's empty "
        + "placeholder: a picture of one pixel, or a text of 3 bytes.",
    "Nothing but `….received.…` is written. A placeholder is named and does not count, so " + "`TESTHARNESS_GOLDENS=missing` replaces it."
)]
public sealed class DiffToolTests : IDisposable
{
    private static readonly Screenshot Shot = GoldenSandbox.Shot(GoldenSandbox.Screen());

    private readonly GoldenSandbox _sandbox = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _sandbox.Dispose();

    [Theory]
    [InlineData(".png", true)]
    [InlineData(".txt", true)]
    [InlineData(".png", false)]
    [InlineData(".txt", false)]
    public async Task A_missing_golden_is_missing_again_in_the_next_run_and_can_be_written(string ending, bool requiresTarget)
    {
        using var tool = new FakeDiffTool(requiresTarget);

        foreach (int run in (int[])[1, 2])
        {
            _sandbox.Run($"{ending}{run}{requiresTarget}");
            File.Delete(_sandbox.At($"LoginTests.Boots.login.received{ending}"));
            Action match = () => Match(ending);
            match
                .Should()
                .Throw<GoldenMismatchException>()
                .Which.Message.Should()
                .Contain("has no golden 'login' yet")
                .And.Contain("(there is none)");
        }

        if (!requiresTarget)
            await tool.OpenedAsync(Token);
        Directory.GetFiles(_sandbox.Folder, "*.verified.*").Should().BeEmpty("no mode says that it is written");
        GoldenSandbox.SetMode("missing");
        Match(ending);
        GoldenSandbox.SetMode("verify");
        Match(ending);
    }

    [Theory]
    [InlineData(".png")]
    [InlineData(".txt")]
    public async Task A_tool_that_does_without_a_golden_opens_for_a_missing_one(string ending)
    {
        using var tool = new FakeDiffTool(requiresTarget: false);
        Action match = () => Match(ending);

        match.Should().Throw<GoldenMismatchException>();

        (await tool.OpenedAsync(Token)).Should().Equal(Opened(ending));
        _sandbox.Files.Should().Equal($"LoginTests.Boots.login.received{ending}");
    }

    [Theory]
    [InlineData(".png")]
    [InlineData(".txt")]
    public void A_placeholder_that_an_earlier_run_left_is_named_and_does_not_count(string ending)
    {
        string verified = _sandbox.At($"LoginTests.Boots.login.verified{ending}");
        File.WriteAllBytes(verified, ending == ".png" ? PngFile.Write(PixelImage.Filled(1, 1, 0xffffffff)) : [0xef, 0xbb, 0xbf]);
        Action match = () => Match(ending);

        match
            .Should()
            .Throw<GoldenMismatchException>()
            .Which.Message.Should()
            .Contain("has no golden 'login' yet")
            .And.Contain($"{verified} (an empty placeholder, which DiffEngine wrote for a diff tool: it does not count)")
            .And.EndWith("or run with TESTHARNESS_GOLDENS=missing.");

        ReceivedFiles
            .List(_sandbox.Folder)
            .Should()
            .ContainSingle()
            .Which.IsChange.Should()
            .BeFalse("there is no golden that it would replace");
        GoldenSandbox.SetMode("missing");
        Match(ending);
        GoldenSandbox.SetMode("verify");
        Match(ending);
    }

    [Fact]
    public void A_placeholder_is_no_match_for_an_empty_text()
    {
        File.WriteAllBytes(_sandbox.At("LoginTests.Boots.login.verified.txt"), [0xef, 0xbb, 0xbf]);

        Action match = () => Golden.Match("", "login");

        match.Should().Throw<GoldenMismatchException>();
    }

    [Theory]
    [InlineData("CI", "true")]
    [InlineData("CI", "1")]
    [InlineData("CI", "woodpecker")]
    [InlineData("GITHUB_ACTIONS", "true")]
    [InlineData("GITLAB_CI", "true")]
    [InlineData("TF_BUILD", "True")]
    [InlineData("TEAMCITY_PROJECT_NAME", "project")]
    public async Task No_tool_opens_in_CI(string variable, string value)
    {
        using var tool = new FakeDiffTool(requiresTarget: true);
        _sandbox.Add("LoginTests.Boots.login.verified.png", GoldenSandbox.Screen("BELL"));
        Action match = () => Match(".png");

        tool.Set(variable, value);
        match.Should().Throw<GoldenMismatchException>();
        Action missing = () => Golden.Match(Shot, "missing");
        missing.Should().Throw<GoldenMismatchException>();
        tool.Set(variable, null);
        match.Should().Throw<GoldenMismatchException>();

        (await tool.OpenedAsync(Token)).Should().Equal(Opened(".png"));
        Directory.GetFiles(_sandbox.Folder, "*.verified.*").Should().ContainSingle();
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("false")]
    public async Task A_variable_that_says_no_is_no_CI(string value)
    {
        using var tool = new FakeDiffTool(requiresTarget: true);
        _sandbox.Add("LoginTests.Boots.login.verified.png", GoldenSandbox.Screen("BELL"));
        tool.Set("CI", value);
        Action match = () => Match(".png");

        match.Should().Throw<GoldenMismatchException>();

        (await tool.OpenedAsync(Token)).Should().Equal(Opened(".png"));
    }

    private static void Match(string ending)
    {
        if (ending == ".png")
            Golden.Match(Shot, "login");
        else
            Golden.Match("hello", "login");
    }

    private string Opened(string ending) =>
        $"{_sandbox.At($"LoginTests.Boots.login.received{ending}")} {_sandbox.At($"LoginTests.Boots.login.verified{ending}")}";
}
