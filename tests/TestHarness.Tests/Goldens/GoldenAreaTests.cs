using FluentAssertions;
using TestHarness.Goldens;
using TestHarness.Screens;
using TestHarness.Tests.Screens;
using Xunit;

namespace TestHarness.Tests.Goldens;

/// <summary>What of a golden counts: options, the files beside it, what is painted in it, openQA's needles.</summary>
[Collection(nameof(GoldenCollection))]
public sealed class GoldenAreaTests : IDisposable
{
    private const string Verified = "LoginTests.Boots.login.verified.png";

    // Two words differ: the left one (40,300) and the right one (500,20), which is a clock.
    private static readonly ScreenArea Clock = new(495, 15, 80, 24);

    private readonly GoldenSandbox _sandbox = new();
    private readonly Screenshot _shot = GoldenSandbox.Shot(Screen("80808"));

    public void Dispose() => _sandbox.Dispose();

    [Fact]
    public void Everything_counts_unless_something_says_otherwise()
    {
        _sandbox.Add(Verified, Screen("00000"));

        Matches().Should().BeFalse();
        Matches(new GoldenOptions { IgnoredAreas = [Clock] }).Should().BeTrue();
        Matches(new GoldenOptions { IgnoredAreas = [Clock with { Width = 10 }] }).Should().BeFalse();
        Matches(new GoldenOptions { MatchAreas = [new ScreenArea(0, 100, 640, 300)] }).Should().BeTrue();
        Matches(new GoldenOptions { MaxDifferentPixels = 200 }).Should().BeTrue();
        Matches(new GoldenOptions { MaxDifferentRatio = 0.001 }).Should().BeTrue();
        Matches(new GoldenOptions { MaxDifferentRatio = 0.00001 }).Should().BeFalse();
    }

    [Theory]
    [InlineData("#ff00ff", 0xffff00ff)]
    [InlineData(null, 0x00ffffffu)]
    public void What_is_painted_or_erased_in_the_golden_does_not_count_and_stays_so_in_an_update(string? colour, uint pixel)
    {
        PixelImage golden = Screen("00000");
        for (int y = Clock.Y; y < Clock.Bottom; y++)
            golden.Row(y).Slice(Clock.X, Clock.Width).Fill(pixel);
        _sandbox.Add(Verified, golden);
        var options = new GoldenOptions { IgnoredColour = colour };
        Matches(options).Should().BeTrue();
        Matches(new GoldenOptions { IgnoredColour = "#00ff00" })
            .Should()
            .Be(colour is null, "another colour is a colour, but what is erased is never compared");

        GoldenSandbox.SetMode("update");
        Golden.Match(GoldenSandbox.Shot(Screen("80808", "BELL")), "login", options);
        GoldenSandbox.SetMode("verify");

        Golden.Match(GoldenSandbox.Shot(Screen("B0B0B", "BELL")), "login", options);
    }

    [Fact]
    public void A_mask_beside_the_golden_says_in_black_what_does_not_count()
    {
        _sandbox.Add(Verified, Screen("00000"));
        PixelImage mask = PixelImage.Filled(640, 400, Pictures.White);
        for (int y = Clock.Y; y < Clock.Bottom; y++)
            mask.Row(y).Slice(Clock.X, Clock.Width).Fill(Pictures.Black);
        _sandbox.Add("LoginTests.Boots.login.mask.png", mask);
        Matches().Should().BeTrue();

        _sandbox.Add("LoginTests.Boots.login.mask.png", PixelImage.Filled(10, 10, Pictures.White));

        Action match = () => Golden.Match(_shot, "login");
        match.Should().Throw<GoldenMismatchException>().WithMessage("*The mask '*login.mask.png' is 10×10, and its golden 640×400.");
    }

    [Fact]
    public void A_JSON_file_beside_the_golden_has_areas_and_limits()
    {
        _sandbox.Add(Verified, Screen("00000"));
        Sidecar("""{ "area": [ { "type": "exclude", "xpos": 495, "ypos": 15, "width": 80, "height": 24 } ] }""");
        Matches().Should().BeTrue();
        Sidecar("""{ "area": [ { "xpos": 0, "ypos": 100, "width": 640, "height": 300, "match": 99 } ] }""");
        Matches().Should().BeTrue();
        Sidecar("""{ "maxDifferentPixels": 200 }""");
        Matches().Should().BeTrue();
        Sidecar("""{ "tolerance": 1 }""");
        Matches().Should().BeTrue();
        Sidecar("{}");
        Matches().Should().BeFalse();
    }

    [Theory]
    [InlineData("[]", "it is no object but Array.")]
    [InlineData("""{ "area": 7 }""", "'area' is no list.")]
    [InlineData("""{ "area": [ { "type": "maybe" } ] }""", "an area has the type 'maybe', which is none of match, exclude and ocr.")]
    [InlineData("{ \"area\": [", "*")]
    public void A_JSON_file_with_a_mistake_is_named_with_the_mistake(string json, string mistake)
    {
        _sandbox.Add(Verified, Screen("00000"));
        Sidecar(json);

        Action match = () => Golden.Match(_shot, "login");

        match
            .Should()
            .Throw<GoldenMismatchException>()
            .WithMessage($"*The file '*LoginTests.Boots.login.verified.json' is not in openQA's format for needles: {mistake}");
    }

    [Fact]
    public void Needles_of_openQA_match_as_they_are()
    {
        // As openQA's needle editor writes them: a word, somewhere near; members that are not for matching.
        Needle(
            "inst-hello-20240101",
            """
            { "area": [ { "xpos": 35, "ypos": 295, "width": 70, "height": 24, "match": 96, "margin": 60, "type": "match", "click_point": { "xpos": 10, "ypos": 12 } },
                        { "xpos": 495, "ypos": 15, "width": 80, "height": 24, "type": "exclude" } ],
              "properties": [ { "name": "workaround", "value": "bsc#1" } ], "tags": [ "ENV-DISTRI-opensuse", "inst-hello" ] }
            """,
            Screen("00000")
        );
        var options = new GoldenOptions { NeedleFolder = "needles" };

        Golden.Match(_shot, "inst-hello", options);
        Golden.Match(_shot, "inst-hello-20240101", options);
        Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen(x: 90, y: 260)), "inst-hello", options);

        Action tooFar = () => Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen(x: 200, y: 100)), "inst-hello", options);
        tooFar.Should().Throw<GoldenMismatchException>().Which.Message.Should().Contain("% similar, 96 % are asked for");
        Action otherColour = () => Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen(colour: 0xff00aa00)), "inst-hello", options);
        otherColour.Should().Throw<GoldenMismatchException>();
        GoldenSandbox.SetMode("update");
        Action update = () => Golden.Match(GoldenSandbox.Shot(GoldenSandbox.Screen("BELL")), "inst-hello", options);
        update
            .Should()
            .Throw<GoldenMismatchException>("needles are somebody else's")
            .Which.Message.Should()
            .EndWith("Try: if the screen is right, make a needle of the received picture.");
    }

    [Theory]
    [InlineData(""", "click_point": { "xpos": 10, "ypos": 12 } """, 110, 62)]
    [InlineData(""", "click_point": "center" """, 135, 62)]
    [InlineData("", 435, 62)]
    public void A_click_goes_to_the_needles_point_or_to_the_middle_of_its_last_area(string point, int x, int y)
    {
        const string Area = """ "xpos": 35, "ypos": 295, "width": 70, "height": 24, "type": "match" """;
        Needle("button", $$"""{ "area": [ { {{Area}} {{point}} }, { {{Area}} } ], "tags": [] }""", Screen("0"));

        GoldenPicture needle = GoldenPicture.LoadNeedles(_sandbox.At("needles"), "button", new GoldenOptions(), []).Single();

        needle.ClickPoint([new ScreenArea(100, 50, 70, 24), new ScreenArea(400, 50, 70, 24)]).Should().Be((x, y));
    }

    [Fact]
    public void A_needle_without_a_match_area_is_left_out_and_named()
    {
        Needle(
            "ocr",
            """{ "area": [ { "type": "ocr", "xpos": 0, "ypos": 0, "width": 100, "height": 100, "refstr": "hello" } ], "tags": [ "greeting" ] }""",
            Screen("0")
        );
        Needle("nothing", """{ "area": [], "tags": [ "greeting" ] }""", Screen("0"));
        Needle(
            "both",
            """
            { "area": [ { "type": "ocr", "xpos": 0, "ypos": 0, "width": 90, "height": 90 }, { "type": "match", "xpos": 35, "ypos": 295, "width": 70, "height": 24 } ], "tags": [ "both" ] }
            """,
            Screen("0")
        );
        Golden.Match(_shot, "both", new GoldenOptions { NeedleFolder = "needles" });

        Action match = () => Golden.Match(_shot, "greeting", new GoldenOptions { NeedleFolder = "needles" });

        match
            .Should()
            .Throw<GoldenMismatchException>()
            .Which.Message.Should()
            .StartWith("The screenshot has no golden 'greeting' among the needles.\nNeedles left out:\n")
            .And.Contain("nothing.json: has no area of the type match")
            .And.Contain("ocr.json: has no area of the type match")
            .And.NotContain("both.json");
    }

    private static PixelImage Screen(string clock, string word = "HELLO")
    {
        PixelImage picture = GoldenSandbox.Screen(word);
        Pictures.Write(picture, clock, 500, 20, Pictures.Grey);
        return picture;
    }

    private bool Matches(GoldenOptions? options = null)
    {
        try
        {
            Golden.Match(_shot, "login", options);
            return true;
        }
        catch (GoldenMismatchException)
        {
            return false;
        }
    }

    private void Sidecar(string json) => File.WriteAllText(_sandbox.At("LoginTests.Boots.login.verified.json"), json);

    private void Needle(string name, string json, PixelImage picture)
    {
        Directory.CreateDirectory(_sandbox.At("needles"));
        File.WriteAllText(_sandbox.At($"needles/{name}.json"), json);
        _sandbox.Add($"needles/{name}.png", picture);
    }
}
