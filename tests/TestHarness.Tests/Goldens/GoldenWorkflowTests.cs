using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Screens;
using TestHarness.Tests.Screens;
using Xunit;

namespace TestHarness.Tests.Goldens;

[Collection(nameof(GoldenCollection))]
public sealed class GoldenWorkflowTests
{
    private const string Verified = "LoginTests.Boots.login.verified.png";
    private const string Received = "LoginTests.Boots.login.received.png";
    private const string Difference = "LoginTests.Boots.login.received.difference.png";

    [Fact]
    public void A_missing_golden_writes_what_was_received_and_says_what_to_do()
    {
        using var sandbox = new GoldenSandbox();
        Screenshot shot = GoldenSandbox.Shot(GoldenSandbox.Screen());

        GoldenMismatchException failure = Fails(shot);

        sandbox.Files.Should().Equal(Received);
        File.ReadAllBytes(sandbox.At(Received)).Should().Equal(shot.Png.ToArray());
        failure
            .Message.Should()
            .Be(
                $"""
                The screenshot has no golden 'login' yet.
                Golden: {sandbox.At(Verified)} (there is none)
                Received: {sandbox.At(Received)}
                Try: if what was received is right: mv '{sandbox.At(Received)}' '{sandbox.At(
                    Verified
                )}', or run with TESTHARNESS_GOLDENS=missing.
                """
            );
        failure.Outcome.Should().Be(FailureOutcome.AssertionFailed);
        (failure.GoldenName, failure.VerifiedFile, failure.ReceivedFile, failure.DifferenceFile)
            .Should()
            .Be(("login", null, sandbox.At(Received), null));
        sandbox.Attached.Keys.Should().Equal("login.actual.png");
    }

    [Fact]
    public void A_difference_is_told_in_words_and_shown_in_a_picture()
    {
        using var sandbox = new GoldenSandbox();
        sandbox.Add(Verified, GoldenSandbox.Screen());
        PixelImage wrong = GoldenSandbox.Screen(colour: 0xffaa0000);
        wrong.Row(5)[630] = Pictures.White;

        GoldenMismatchException failure = Fails(GoldenSandbox.Shot(wrong));

        failure
            .Message.Should()
            .Be(
                $"""
                The screenshot does not match the golden 'login'.
                Different: 289 of 256,000 pixels (0.113 %), 0 may
                Largest area: 58×14 at 40,300 (bottom left)
                Other areas: 1×1 at 630,5 (top right)
                Golden: {sandbox.At(Verified)}
                Received: {sandbox.At(Received)}
                Difference: {sandbox.At(Difference)}
                Try: if what was received is right: mv '{sandbox.At(Received)}' '{sandbox.At(
                    Verified
                )}', or run with TESTHARNESS_GOLDENS=update.
                """
            );
        failure.DifferentPixels.Should().Be(289);
        failure.DifferentAreas.Should().Equal(new ScreenArea(40, 300, 58, 14), new ScreenArea(630, 5, 1, 1));
        PixelImage drawn = PngFile.Read(File.ReadAllBytes(sandbox.At(Difference)), "difference");
        (drawn.Width, drawn.Height).Should().Be(((3 * 640) + 16, 400));
        sandbox.Attached.Keys.Should().Equal("login.expected.png", "login.actual.png", "login.difference.png");
        PngFile.Read(sandbox.Attached["login.expected.png"], "x").Pixels.Should().Equal(GoldenSandbox.Screen().Pixels);
    }

    [Fact]
    public void A_match_removes_what_an_earlier_run_received()
    {
        using var sandbox = new GoldenSandbox();
        sandbox.Add(Verified, GoldenSandbox.Screen());
        Fails(GoldenSandbox.Shot(GoldenSandbox.Screen("BELL")));
        sandbox.Files.Should().HaveCount(3);

        GoldenSandbox.Shot(GoldenSandbox.Screen()).Should().MatchGolden("login");

        sandbox.Files.Should().Equal(Verified);
    }

    [Theory]
    [InlineData("missing", false, true, true)]
    [InlineData("missing", true, false, false)]
    [InlineData("update", false, true, true)]
    [InlineData("update", true, true, true)]
    [InlineData("update-and-fail", false, false, true)]
    [InlineData("update-and-fail", true, false, true)]
    [InlineData("verify", true, false, false)]
    public void The_mode_says_what_is_written_and_whether_the_test_passes(string mode, bool golden, bool passes, bool written)
    {
        using var sandbox = new GoldenSandbox(mode);
        if (golden)
            sandbox.Add(Verified, GoldenSandbox.Screen("BELL"));
        Screenshot shot = GoldenSandbox.Shot(GoldenSandbox.Screen());

        Action match = () => Golden.Match(shot, "login");

        if (passes)
            match.Should().NotThrow();
        else
            match.Should().Throw<GoldenMismatchException>();
        (File.Exists(sandbox.At(Verified)) && File.ReadAllBytes(sandbox.At(Verified)).SequenceEqual(shot.Png.ToArray()))
            .Should()
            .Be(written);
        File.Exists(sandbox.At(Received)).Should().Be(!written);
    }

    [Fact]
    public void Another_mode_is_refused_with_those_that_there_are()
    {
        using var sandbox = new GoldenSandbox("approve");

        Action match = () => Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen()), "login");

        match
            .Should()
            .Throw<HostNotReadyException>()
            .WithMessage("TESTHARNESS_GOLDENS is 'approve'*verify, missing, update or update-and-fail.");
    }

    [Fact]
    public void Any_of_several_accepted_goldens_is_right_and_the_nearest_is_updated()
    {
        using var sandbox = new GoldenSandbox();
        sandbox.Add(Verified, GoldenSandbox.Screen("BELL"));
        sandbox.Add("LoginTests.Boots.login.1.verified.png", GoldenSandbox.Screen("HELLO"));
        sandbox.Add("LoginTests.Boots.login.2.verified.png", GoldenSandbox.Screen("BOB0"));
        Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen("HELLO")), "login");
        Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen("BOB0")), "login");

        Screenshot almost = GoldenSandbox.Shot(GoldenSandbox.Screen("HELL0 "));
        almost = GoldenSandbox.Shot(GoldenSandbox.Screen("HELLO", 0xffb0b0b0));
        Fails(almost).VerifiedFile.Should().EndWith("login.1.verified.png");
        GoldenSandbox.SetMode("update");
        Golden.Match(almost, "login");

        File.ReadAllBytes(sandbox.At("LoginTests.Boots.login.1.verified.png")).Should().Equal(almost.Png.ToArray());
    }

    [Fact]
    public void A_platform_may_have_goldens_of_its_own()
    {
        using var sandbox = new GoldenSandbox();
        sandbox.Add(Verified, GoldenSandbox.Screen("BELL"));
        sandbox.Add("LoginTests.Boots.login.tiny.verified.png", GoldenSandbox.Screen("HELLO"));
        Screenshot Of(string word, string image) => new(GoldenSandbox.Screen(word)) { Platforms = [image, "tcg"] };

        Golden.Match(Of("HELLO", "tiny"), "login");
        Golden.Match(Of("BELL", "debian-12"), "login");
        Fails(Of("BELL", "tiny")).ReceivedFile.Should().EndWith("login.tiny.received.png");
        GoldenSandbox.SetMode("missing");
        Golden.Match(Of("BELL", "debian-12"), "login", new GoldenOptions { Variant = "debian-12" });
        Golden.Match(Of("BELL", "debian-12"), "other", new GoldenOptions { Variant = "debian-12" });

        sandbox
            .Files.Should()
            .Contain("LoginTests.Boots.other.debian-12.verified.png")
            .And.NotContain("LoginTests.Boots.login.debian-12.verified.png");
    }

    [Fact]
    public void Two_tests_that_write_one_golden_are_an_error()
    {
        using var sandbox = new GoldenSandbox("update");
        Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen("HELLO")), "login");
        sandbox.Run("2");
        Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen("HELLO")), "login");

        GoldenMismatchException failure = Fails(GoldenSandbox.Shot(GoldenSandbox.Screen("BELL")));

        failure
            .Message.Should()
            .StartWith("The golden 'login' is written twice in one run, with different content.")
            .And.Contain("Written by: LoginTests.Boots(1)")
            .And.Contain("And now by: LoginTests.Boots(2)")
            .And.Contain("Try: give them names of their own");
        GoldenSandbox.SetMode("verify");
        sandbox.Run("3");
        Fails(GoldenSandbox.Shot(GoldenSandbox.Screen("BELL")));
        sandbox.Run("4");
        Fails(GoldenSandbox.Shot(GoldenSandbox.Screen("BOB0")))
            .Message.Should()
            .Contain("Received: not written: LoginTests.Boots(3) has written");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void A_golden_that_is_broken_is_named(int length)
    {
        using var sandbox = new GoldenSandbox("update");
        File.WriteAllBytes(sandbox.At(Verified), PngFile.Write(GoldenSandbox.Screen())[..length]);

        Fails(GoldenSandbox.Shot(GoldenSandbox.Screen()))
            .Message.Should()
            .StartWith($"The golden 'login' can't be read.\nReason: The picture '{sandbox.At(Verified)}' can't be read: it is ");
    }

    [Theory]
    [InlineData("")]
    [InlineData("../login")]
    [InlineData("a.b")]
    public void A_name_is_a_word(string name)
    {
        using var sandbox = new GoldenSandbox();

        Action match = () => Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen()), name);

        match.Should().Throw<ArgumentException>().WithParameterName(nameof(name));
    }

    [Fact]
    public void Received_files_are_accepted_later()
    {
        using var sandbox = new GoldenSandbox();
        sandbox.Add(Verified, GoldenSandbox.Screen());
        Screenshot shot = GoldenSandbox.Shot(GoldenSandbox.Screen("BELL"));
        Fails(shot);
        Action text = () => Golden.Match("hello", "motd");
        text.Should().Throw<GoldenMismatchException>();

        Golden
            .AcceptReceived(sandbox.Folder)
            .Should()
            .BeEquivalentTo(sandbox.At(Verified), sandbox.At("LoginTests.Boots.motd.verified.txt"));

        Golden.Match(shot, "login");
        Golden.Match("hello", "motd");
        sandbox.Files.Should().Equal(Verified, "LoginTests.Boots.motd.verified.txt");
    }

    [Fact]
    public void Goldens_that_no_test_used_are_listed()
    {
        using var sandbox = new GoldenSandbox();
        GoldenTest test = sandbox.Run("5");
        sandbox.Add(Verified, GoldenSandbox.Screen());
        sandbox.Add("LoginTests.Boots.old.verified.png", GoldenSandbox.Screen());
        sandbox.Add("LoginTests.Renamed.login.verified.png", GoldenSandbox.Screen());
        sandbox.Add("OtherTests.Boots.login.verified.png", GoldenSandbox.Screen());
        Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen()), "login");

        Golden
            .FindUnused([test])
            .Should()
            .Equal(sandbox.At("LoginTests.Boots.old.verified.png"), sandbox.At("LoginTests.Renamed.login.verified.png"));
        Golden.FindUnused([]).Should().BeEmpty("of tests that did not run nothing is known");
    }

    [Fact]
    public void Without_a_test_framework_the_source_file_and_the_method_give_the_name()
    {
        using var sandbox = new GoldenSandbox("missing");
        Golden.CurrentTest = null;

        Golden.Match("hello", "motd", sourceFile: sandbox.At("ScriptTests.cs"), member: "Greets");

        sandbox.Files.Should().Equal("ScriptTests.Greets.motd.verified.txt");
    }

    [Fact]
    public void In_xunit_the_running_test_gives_the_name()
    {
        GoldenTest test = Golden.CurrentTest!()!;

        (test.TestClass, test.Method).Should().Be((typeof(GoldenWorkflowTests), nameof(In_xunit_the_running_test_gives_the_name)));
        test.SourceFile.Should().EndWith("Goldens/GoldenWorkflowTests.cs");
    }

    private static GoldenMismatchException Fails(Screenshot shot)
    {
        Action match = () => shot.Should().MatchGolden("login");
        return match.Should().Throw<GoldenMismatchException>().Which;
    }
}
