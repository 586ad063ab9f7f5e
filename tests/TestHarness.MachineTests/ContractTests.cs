using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Xunit;
using Xunit;

namespace TestHarness.MachineTests;

/// <summary>What users write, as it stands in the design and on docs/getting-started.md.</summary>
public sealed class ContractTests
{
    [Fact]
    public async Task A_program_uses_a_machine()
    {
        string folder = Directory.CreateTempSubdirectory("testharness-contract-").FullName;
        Directory.CreateDirectory($"{folder}/build/out");
        await File.WriteAllTextAsync($"{folder}/build/out/app.txt", "hello", TestContext.Current.CancellationToken);
        string before = Environment.CurrentDirectory;
        Environment.CurrentDirectory = folder;
        try
        {
            await using var vm = await VirtualMachine.StartAsync(new MachineSpec { Image = "tiny" });
            ShellResult result = await vm.Shell.RunAsync("uname -sr"); // throws GuestCommandException unless exit code 0
            Console.WriteLine(result.StandardOutput);
            ShellResult maybe = await vm.Shell.TryRunAsync("exit 7"); // never throws for an exit code: maybe.ExitCode == 7
            await vm.Files.PushAsync("build/out/", "/opt/app/"); // rsync semantics, trailing slash included
            await vm.Files.PullAsync("/var/log/", "logs/");
            await vm.Console.WaitForAsync("login:"); // serial console: string or Regex; throws at once if the machine dies
            Screenshot shot = await vm.Screen.CaptureAsync();
            await shot.SaveAsync("screen.png");

            result.StandardOutput.Should().StartWith("Linux 6.");
            maybe.ExitCode.Should().Be(7);
            (await vm.Shell.RunAsync("cat /opt/app/app.txt")).Should().HaveOutput("hello");
            Directory.Exists("logs").Should().BeTrue();
            new FileInfo("screen.png").Length.Should().BeGreaterThan(1000);
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }
}

public sealed class GoldenContractTests
{
    // Over five seconds in every run: a contract.
    [Fact]
    public async Task Screens_and_logs_match_their_goldens()
    {
        await using var vm = await VirtualMachine.StartAsync(
            new MachineSpec
            {
                Display = Display.Deterministic,
                KernelArguments = "loglevel=2",
                Hostname = "tiny",
            }
        );
        await vm.Console.WaitForAsync("login:");

        await vm.Screen.ShouldMatchGoldenAsync("login"); // polls until it matches and is still, or fails with the diff
        (await vm.Screen.CaptureAsync()).Should().MatchGolden("login", new GoldenOptions { MaxDifferentPixels = 50 });
        vm.Console.Log.Should().MatchGolden("boot"); // text golden, scrubbed
    }
}

public sealed class SshdTests
{
    [Theory, VirtualMachine("debian-12")]
    public async Task Sshd_is_active(VirtualMachine vm)
    {
        ShellResult result = await vm.Shell.RunAsync("systemctl is-active ssh");
        result.Should().Succeed().And.HaveOutput("active");
    }
}

public sealed class Debian : VirtualMachineFixture
{
    protected override MachineSpec Spec =>
        new()
        {
            Image = "debian-12",
            MemoryMiB = 768,
            Cpus = 2,
        };
}

public sealed class PackagingTests(Debian debian) : IClassFixture<Debian>
{
    [Fact]
    public async Task Two_fresh_machines_do_not_see_each_other()
    {
        await using var a = await debian.StartFreshAsync();
        await using var b = await debian.StartFreshAsync();
        await a.Shell.RunAsync("touch /only-here");
        (await b.Shell.TryRunAsync("test -e /only-here")).ExitCode.Should().Be(1);
        (await debian.Machine.Shell.RunAsync("hostname")).StandardOutput.Trim().Should().NotBeEmpty();
    }
}
