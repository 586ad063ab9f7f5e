using System.Diagnostics;
using FluentAssertions;
using TestHarness.Access;
using Xunit;

namespace TestHarness.Tests.Access;

public sealed class ReadyCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ready-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Waits_for_cloud_init_before_the_images_own_command() =>
        ReadyCheck
            .For(new MachineSpec(), "test -e /up", seeded: true)
            .Select(check => check.WaitsFor)
            .Should()
            .Equal("cloud-init to finish", "the guest to be ready (test -e /up)");

    [Fact]
    public void Waits_for_nothing_where_nothing_is_said() => ReadyCheck.For(new MachineSpec(), null, seeded: false).Should().BeEmpty();

    [Fact]
    public void Says_that_there_is_no_cloud_init() =>
        Run().Should().Be((1, "the image has no cloud-init, which MachineSpec.CloudInit is for\n"));

    [Fact]
    public void Fails_with_cloud_inits_words_where_it_is_degraded()
    {
        ExecutableScript.Write(Path.Combine(_folder, "cloud-init"), "[ \"$2\" = --wait ] && exit 2\necho 'extended_status: degraded done'");

        (int exitCode, string output) = Run();

        exitCode.Should().Be(1);
        output.Should().EndWith("extended_status: degraded done\n");
    }

    // With a PATH on which there is only what the test puts there.
    private (int ExitCode, string Output) Run()
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(ReadyCheck.For(new MachineSpec(), null, seeded: true)[0].Command);
        start.Environment["PATH"] = _folder;
        using Process shell = Process.Start(start)!;
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        return (shell.ExitCode, output);
    }
}
