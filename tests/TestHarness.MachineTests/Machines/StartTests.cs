using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Machines;

public sealed partial class StartTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Confirms_clock_and_host_name_before_it_returns()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Hostname = "web-1.example" },
            cancellationToken: Token
        );

        string[] answer = (await vm.Shell.RunAsync("date +%s; hostname", cancellationToken: Token)).StandardOutput.Split('\n');

        long.Parse(answer[0], System.Globalization.CultureInfo.InvariantCulture)
            .Should()
            .BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 2);
        answer[1].Should().Be("web-1.example");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Gives_what_the_spec_asks_for()
    {
        var spec = new MachineSpec
        {
            Cpus = 2,
            MemoryMiB = 256,
            Disks = [new Disk(64)],
            KernelArguments = "testharness.word=\"a b\"",
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        ShellResult result = await vm.Shell.RunAsync(
            "nproc; blockdev --getsize64 /dev/vdb; grep -c 'testharness.word=\"a b\"' /proc/cmdline; awk '/MemTotal/ {print $2}' "
                + "/proc/meminfo",
            cancellationToken: Token
        );

        string[] lines = result.StandardOutput.Split('\n');
        lines[..3].Should().Equal("2", $"{64 * 1024 * 1024}", "1");
        int.Parse(lines[3], System.Globalization.CultureInfo.InvariantCulture).Should().BeInRange(180_000, 256 * 1024);
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("", "0")]
    [InlineData("sysctl.kernel.randomize_va_space=2", "2")]
    public async Task Lets_the_spec_decide_on_random_addresses(string arguments, string expected)
    {
        var spec = new MachineSpec { Accelerator = Accelerator.Tcg, KernelArguments = arguments };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        (await vm.Shell.RunAsync("cat /proc/sys/kernel/randomize_va_space", cancellationToken: Token)).Should().HaveOutput(expected);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Tells_the_guests_kernel_the_rate_of_its_clock()
    {
        var spec = new MachineSpec { Accelerator = Accelerator.Tcg, Start = StartMode.Cold };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        long asked = Stopwatch.GetTimestamp();
        await vm.Shell.RunAsync("sleep 2", cancellationToken: Token);
        Stopwatch.GetElapsedTime(asked).Should().BeGreaterThan(TimeSpan.FromSeconds(1.95), "the guest's seconds are the host's");

        Match told = Regex.Match(vm.Console.Log.Text, "tsc_early_khz=([0-9]+)");
        // Where the kernel's own measurement came to something else, it shows that first.
        Match detected = Regex.Matches(vm.Console.Log.Text, @"tsc: Detected ([0-9]+)\.([0-9]{3}) MHz (processor|TSC)").Last();
        (detected.Groups[1].Value + detected.Groups[2].Value).Should().Be(told.Groups[1].Value);
    }

    [Fact]
    public async Task Boots_a_microvm()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { Type = MachineType.Microvm, PortForwards = [new PortForward(22)] },
            cancellationToken: Token
        );

        (await vm.Shell.RunAsync("uname -s", cancellationToken: Token)).Should().HaveOutput("Linux");
        vm.GetForwardedEndPoint(22).Port.Should().BePositive();
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData(StartMode.Warm)]
    [InlineData(StartMode.Cold)]
    public async Task Never_writes_to_the_files_that_it_starts_from(StartMode start)
    {
        string[] before = [];
        for (int round = 0; round < 2; round++)
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Start = start }, cancellationToken: Token);
            string[] files = SourcesOf((await vm.CollectEvidenceAsync(Token)).CommandLine);
            files.Should().Contain(file => file.Contains("/images/tiny/", StringComparison.Ordinal));
            before = round == 0 ? Hashes(files) : before;
            (await vm.Shell.TryRunAsync("test -e /left-behind", cancellationToken: Token))
                .Should()
                .Fail(because: "a fresh machine has nothing of another one");
            await vm.Shell.RunAsync("touch /left-behind; dd if=/dev/urandom of=/junk bs=1M count=8; sync", cancellationToken: Token);

            Hashes(files).Should().Equal(before);
        }
    }

    [Fact]
    public async Task Leaves_nothing_when_it_is_cancelled_on_the_way()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var vm = new VirtualMachine(new MachineSpec { Start = StartMode.Cold });
        // Not Progress<T>, which would report from another thread some time later.
        var cancelInBoot = new Reporter(step =>
        {
            if (step == "guest boots")
                cancel.Cancel();
        });

        await vm.Invoking(machine => machine.StartAsync(cancelInBoot, cancel.Token)).Should().ThrowAsync<OperationCanceledException>();

        vm.State.Should().Be(MachineState.Stopped);
        Running(vm.ProcessId!.Value).Should().BeFalse();
    }

    [Fact]
    public async Task Refuses_a_second_start()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);

        await vm.Invoking(machine => machine.StartAsync(cancellationToken: Token))
            .Should()
            .ThrowAsync<InvalidOperationException>()
            .WithMessage("*was started before*");
    }

    internal static bool Running(int process)
    {
        try
        {
            using Process found = Process.GetProcessById(process);
            return found.ProcessName.StartsWith("qemu", StringComparison.Ordinal);
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    // The absolute paths in the command line: the image, and of a template the memory, the disk and what lies beside it.
    private static string[] SourcesOf(string commandLine)
    {
        string[] named = [.. SourcePath().Matches(commandLine).Select(match => match.Groups[1].Value)];
        string? memory = Array.Find(named, file => file.EndsWith("/memory", StringComparison.Ordinal));
        return memory is null ? named : [.. named, Path.Combine(Path.GetDirectoryName(memory)!, "state")];
    }

    private static string[] Hashes(string[] files) =>
        [
            .. files.Select(file =>
            {
                using FileStream stream = File.OpenRead(file);
                return Convert.ToHexString(SHA256.HashData(stream));
            }),
        ];

    [GeneratedRegex("\"(?:filename|mem-path)\":\"(/[^\"]+)\"")]
    private static partial Regex SourcePath();

    private sealed class Reporter(Action<string> onStep) : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => onStep(value.Step);
    }
}
