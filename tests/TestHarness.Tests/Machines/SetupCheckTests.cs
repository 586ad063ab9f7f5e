using FluentAssertions;
using TestHarness.Machines;
using Xunit;

namespace TestHarness.Tests.Machines;

public sealed class SetupCheckTests
{
    public static TheoryData<SetupStep, string> Mistakes =>
        new()
        {
            { SetupStep.Install(), "Install has no package" },
            { SetupStep.Install("nginx; reboot"), "is no package's name" },
            { SetupStep.Install("--option"), "is no package's name" },
            { SetupStep.Push("a", "opt"), "\"opt\" is not an absolute path" },
            { SetupStep.Push("a", "/opt", new SyncOptions { DryRun = true }), "DryRun" },
            { SetupStep.Write("etc/a", ""), "\"etc/a\" is not an absolute path" },
            { SetupStep.Run(" "), "empty command" },
            { SetupStep.Run("a\0b"), "zero character" },
            { SetupStep.WaitForPort(0), "0 is not 1 to 65535" },
            { SetupStep.WaitForFile("a"), "\"a\" is not an absolute path" },
            { SetupStep.WaitForHttp("https://localhost/"), "is no address such as" },
            { SetupStep.WaitForUnit(""), "nothing to wait for" },
            { SetupStep.Do("", (_, _) => Task.CompletedTask), "empty label" },
            { SetupStep.Reboot() with { Timeout = TimeSpan.Zero }, "must be more than 0" },
        };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_named_before_anything_starts(SetupStep step, string problem) =>
        FluentActions
            .Invoking(() => new VirtualMachine(new MachineSpec { Setup = [SetupStep.Run("true"), step] }))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage($"*Setup[1]: *{problem}*");

    [Fact]
    public void Steps_need_a_guest_that_answers() =>
        SetupCheck
            .Problems([SetupStep.Reboot()], GuestAccess.None, "Setup")
            .Should()
            .ContainSingle()
            .Which.Should()
            .Contain("GuestAccess is None");

    [Fact]
    public void A_title_is_one_line_that_says_what_the_step_does()
    {
        SetupStep.Run("\nset -e\nmake install").Title.Should().Be("run set -e …");
        SetupStep.Run(new string('x', 500)).Title.Length.Should().BeLessThan(110);
        (SetupStep.Install("nginx", "postgresql") with { Name = "services" }).Title.Should().Be("services");
        SetupStep.Install("nginx", "postgresql").Title.Should().Be("install nginx postgresql");
    }
}
