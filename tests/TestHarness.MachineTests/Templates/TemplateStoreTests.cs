using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

[Fault(
    "A template is damaged, QEMU has changed, or many processes make one template. 20 clones of `tiny` or 8 of "
        + "`debian-12` start at once on 2 cores.",
    "The template is made again, once. All clones come up with random numbers, machine id and host name of their "
        + "own. They have the right time, even if the busy host needs seconds to set it.",
    "CloneTests",
    "FreshnessTests"
)]
public sealed class TemplateStoreTests
{
    private static int _unique;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("state", Traits = ["Speed", "Slow"])]
    [InlineData("memory", Traits = ["Speed", "Slow"])]
    [InlineData("disk.qcow2", Traits = ["Speed", "Slow"])]
    [InlineData("template.json")]
    public async Task Makes_a_template_again_that_is_not_whole_any_more(string file)
    {
        MachineSpec spec = UniqueSpec();
        string folder = await TemplateOfAsync(spec);
        string path = Path.Combine(folder, file);
        if (file == "template.json")
            await File.WriteAllTextAsync(
                path,
                (await File.ReadAllTextAsync(path, Token)).Replace(Path.GetFileName(folder), "0123456789abcdef", StringComparison.Ordinal),
                Token
            );
        else
            Truncate(path);
        var steps = new List<string>();

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);

        vm.IsWarm.Should().BeTrue();
        steps.Should().ContainSingle(step => step.Contains("is thrown away and made again", StringComparison.Ordinal));
        steps.Should().Contain(step => step.StartsWith("template is made", StringComparison.Ordinal));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Makes_a_template_again_that_is_whole_but_that_QEMU_refuses()
    {
        MachineSpec spec = UniqueSpec();
        string folder = await TemplateOfAsync(spec);
        await SpoiledTemplate.MakeAsync(folder, Token);
        var steps = new List<string>();

        await using (VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token))
        {
            vm.IsWarm.Should().BeTrue();
            (await vm.Shell.RunAsync("echo up")).StandardOutput.Should().Be("up\n");
            vm.Console.Log.Text.Split("Linux version").Should().HaveCount(2, "the log is that of one boot");
        }

        steps
            .Should()
            .ContainSingle(step =>
                step.StartsWith("template is thrown away and made again: QEMU refused template", StringComparison.Ordinal)
            );
        steps.Clear();
        await using VirtualMachine next = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);
        steps.Should().NotContain(step => step.Contains("template", StringComparison.Ordinal));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Boots_where_QEMU_refuses_a_template_that_others_run_on()
    {
        MachineSpec spec = UniqueSpec();
        string folder = await TemplateOfAsync(spec);
        await using VirtualMachine first = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        await SpoiledTemplate.MakeAsync(folder, Token);

        await using VirtualMachine second = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        second.IsWarm.Should().BeFalse();
        second.StartNote.Should().Contain("QEMU refused template").And.Contain("other machines run on it");
        await first.Shell.RunAsync("true");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Is_made_anew_after_its_maker_was_killed_half_way()
    {
        using var cache = new EmptyStore(await TemplateOfAsync(UniqueSpec()));
        using (Process maker = cache.StartQuickstart())
        {
            // The maker's guest is booting now.
            while (!(await maker.StandardOutput.ReadLineAsync(Token))!.Contains("guest boots", StringComparison.Ordinal)) { }

            maker.Kill();
            await maker.WaitForExitAsync(Token);
        }

        Directory.GetDirectories(cache.Templates).Should().ContainSingle().Which.Should().EndWith(".making");
        (int exitCode, string output) = await cache.RunQuickstartAsync(Token);

        exitCode.Should().Be(0, output);
        output.Should().Contain("template is made");
        Directory.GetDirectories(cache.Templates).Should().ContainSingle().Which.Should().NotEndWith(".making");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Is_made_once_when_several_processes_ask_for_it()
    {
        using var cache = new EmptyStore(await TemplateOfAsync(UniqueSpec()));

        (int ExitCode, string Output)[] runs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => cache.RunQuickstartAsync(Token)));

        runs.Should()
            .OnlyContain(
                run => run.ExitCode == 0 && run.Output.Contains("guest is restored"),
                string.Join('\n', runs.Select(run => run.Output))
            );
        runs.Count(run => run.Output.Contains("template is made")).Should().Be(1, string.Join("\n--\n", runs.Select(run => run.Output)));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Uses_no_template_of_another_QEMU()
    {
        string folder = await TemplateOfAsync(new MachineSpec());
        using var other = new QemuScript("exec qemu-system-x86_64 \"$@\"");

        (await TemplateOfAsync(new MachineSpec { QemuPath = other.Path })).Should().NotBe(folder);
    }

    [Fact]
    public async Task Is_as_large_as_what_the_guest_touched()
    {
        string memory = Path.Combine(await TemplateOfAsync(new MachineSpec()), "memory");

        new FileInfo(memory).Length.Should().Be(512L * 1024 * 1024);
        using Process du = Process.Start(new ProcessStartInfo("du", ["-m", memory]) { RedirectStandardOutput = true })!;
        int.Parse((await du.StandardOutput.ReadToEndAsync(Token)).Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture)
            .Should()
            .BeLessThan(256);
    }

    // Another kernel argument, another key: templates that only one test knows.
    private static MachineSpec UniqueSpec() =>
        new() { MemoryMiB = 128, KernelArguments = $"testharness.unique={Environment.ProcessId}.{Interlocked.Increment(ref _unique)}" };

    private static async Task<string> TemplateOfAsync(MachineSpec spec)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        return await UsualCache.TemplateFolderOfAsync(vm, Token);
    }

    private static void Truncate(string path)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using FileStream file = File.OpenWrite(path);
        file.SetLength(file.Length / 2);
    }
}
