using System.Diagnostics;
using System.Text.RegularExpressions;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Templates;

public sealed partial class TemplateStoreTests
{
    private static int _unique;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("state")]
    [InlineData("memory")]
    [InlineData("disk.qcow2")]
    [InlineData("template.json")]
    public async Task Makes_a_template_again_that_is_not_whole_any_more(string file)
    {
        MachineSpec spec = UniqueSpec();
        string folder = await TemplateOfAsync(spec);
        string path = Path.Combine(folder, file);
        if (file == "template.json")
            await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path, Token)).Replace(Path.GetFileName(folder), "0123456789abcdef", StringComparison.Ordinal), Token);
        else
            Truncate(path);
        var steps = new List<string>();

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);

        vm.IsWarm.Should().BeTrue();
        steps.Should().ContainSingle(step => step.Contains("is thrown away and made again", StringComparison.Ordinal));
        steps.Should().Contain(step => step.StartsWith("template is made", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Is_made_once_when_several_processes_ask_for_it()
    {
        // A cache of its own with the image in it, so that all ask for a template that is not there.
        string cache = $"/var/tmp/th-store-{Environment.ProcessId}";
        string images = Path.GetFullPath(Path.Combine(await TemplateOfAsync(UniqueSpec()), "../../images"));
        Directory.CreateDirectory(cache);
        File.CreateSymbolicLink(Path.Combine(cache, "images"), images);
        string quickstart = Path.Combine(Repository.Root, $"examples/Quickstart/bin/{Repository.Configuration}/net10.0/Quickstart.dll");
        try
        {
            (int ExitCode, string Output)[] runs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Repository.RunAsync(
                "dotnet", [quickstart, "tiny"], new Dictionary<string, string> { ["TESTHARNESS_CACHE"] = cache }, Token)));

            runs.Should().OnlyContain(run => run.ExitCode == 0 && run.Output.Contains("guest is restored"), string.Join('\n', runs.Select(run => run.Output)));
            runs.Count(run => run.Output.Contains("template is made")).Should().Be(1);
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    [Fact]
    public async Task Uses_no_template_of_another_QEMU()
    {
        string folder = await TemplateOfAsync(new MachineSpec());
        string other = $"/var/tmp/testharness-qemu-{Environment.ProcessId}";
        await File.WriteAllTextAsync(other, "#!/bin/sh\nexec qemu-system-x86_64 \"$@\"\n", Token);
        File.SetUnixFileMode(other, File.GetUnixFileMode("/bin/sh"));
        try
        {
            (await TemplateOfAsync(new MachineSpec { QemuPath = other })).Should().NotBe(folder);
        }
        finally
        {
            File.Delete(other);
        }
    }

    [Fact]
    public async Task Trusts_nothing_that_a_killed_maker_left()
    {
        MachineSpec spec = UniqueSpec();
        string folder = await TemplateOfAsync(spec);
        // What a maker that is killed half-way leaves: the folder under its other name, without a description.
        File.Delete(Path.Combine(folder, "template.json"));
        Directory.Move(folder, folder + ".making");

        (await TemplateOfAsync(spec)).Should().Be(folder);
        Directory.Exists(folder + ".making").Should().BeFalse();
    }

    [Fact]
    public async Task Is_as_large_as_what_the_guest_touched()
    {
        string memory = Path.Combine(await TemplateOfAsync(new MachineSpec()), "memory");

        new FileInfo(memory).Length.Should().Be(512L * 1024 * 1024);
        using Process du = Process.Start(new ProcessStartInfo("du", ["-m", memory]) { RedirectStandardOutput = true })!;
        int.Parse((await du.StandardOutput.ReadToEndAsync(Token)).Split('\t')[0], System.Globalization.CultureInfo.InvariantCulture).Should().BeLessThan(256);
    }

    // Another kernel argument, another key: templates that only one test knows.
    private static MachineSpec UniqueSpec() =>
        new() { MemoryMiB = 128, KernelArguments = $"testharness.unique={Environment.ProcessId}.{Interlocked.Increment(ref _unique)}" };

    private static async Task<string> TemplateOfAsync(MachineSpec spec)
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        return MemoryFolder().Match((await vm.CollectEvidenceAsync(Token)).CommandLine).Groups[1].Value;
    }

    private static void Truncate(string path)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using FileStream file = File.OpenWrite(path);
        file.SetLength(file.Length / 2);
    }

    [GeneratedRegex("\"mem-path\":\"([^\"]+)/memory\"")]
    private static partial Regex MemoryFolder();

    private sealed class StepList(List<string> steps) : IProgress<StartProgress>
    {
        public void Report(StartProgress value) => steps.Add(value.Step);
    }
}
