using System.Diagnostics;
using FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Hosts;

/// <summary>A program that owns a machine is ended in each way, at each moment; no process and no folder of it stays.</summary>
[Fault(
    "The test run is killed while QEMU has not connected yet, or while the guest boots. It is killed while an image "
        + "is built, or while a template is made.",
    "The same happens. What is half made is never used. The next build or start makes it anew.",
    "TemplateStoreTests"
)]
public sealed class KilledOwnerTests(Tiny tiny)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(3);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    [InlineData("QUIT")]
    [InlineData("KILL")]
    public async Task Leaves_nothing_when_a_signal_ends_it(string signal)
    {
        using var program = new SampleProgram();
        HeldMachine machine = await program.HoldAsync(untilUp: true);

        await AssertLeavesNothingAsync(program, machine, signal);
    }

    [Theory]
    [InlineData("KILL")]
    [InlineData("TERM")]
    public async Task Leaves_nothing_when_a_signal_ends_it_before_QEMU_has_connected(string signal)
    {
        using var program = new SampleProgram();
        HeldMachine machine = await program.HoldAsync(untilUp: false, FakeQemu.Spec("mute").QemuPath!, "mute");
        File.Exists(Path.Combine(machine.Folder, "qmp.sock")).Should().BeTrue("it still waits for the connection");

        await AssertLeavesNothingAsync(program, machine, signal);
    }

    [Fact]
    public async Task Leaves_nothing_when_it_is_killed_while_the_guest_boots()
    {
        using var program = new SampleProgram();
        HeldMachine machine = await program.HoldAsync(untilUp: false, "qemu-system-x86_64");

        await AssertLeavesNothingAsync(program, machine, "KILL");
    }

    [Trait("Speed", "Slow")]
    [Theory]
    [InlineData("qemu-system-x86_64 \"$@\"; exit $?")]
    [InlineData("timeout 600 qemu-system-x86_64 \"$@\" > /dev/null 2>&1; exit $?")]
    public async Task Leaves_nothing_when_it_is_killed_and_its_QEMU_is_a_script_that_started_another(string script)
    {
        using var program = new SampleProgram();
        using var wrapper = new QemuScript(script);
        HeldMachine machine = await program.HoldAsync(untilUp: true, wrapper.Path);

        await AssertLeavesNothingAsync(program, machine, "KILL");
    }

    [Fact]
    public async Task Ends_in_order_on_Ctrl_C_while_a_template_is_made()
    {
        using var cache = new EmptyStore(Path.Combine(await UsualCache.ImagesOfAsync(tiny.Machine, Token), "../templates/any"));
        using Process program = cache.StartQuickstart();
        IReadOnlyList<ProcessTree.Member> children = await WaitForChildrenAsync(program.Id, found =>
            found.Any(child => child.ToString().Contains("-name guest=", StringComparison.Ordinal))
        );

        await SignalAsync("INT", program.Id);

        await program.WaitForExitAsync(Token).WaitAsync(TimeSpan.FromSeconds(5), Token);
        program.ExitCode.Should().Be(1, "it caught the key and disposed its machine");
        await ProcessTree.AssertGoneAsync(children, Bound);
        Directory.GetDirectories(cache.Templates).Should().BeEmpty("the half-made template is removed");
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Leaves_no_process_when_it_is_killed_while_it_builds_an_image_and_the_next_build_is_whole()
    {
        string folder = Directory.CreateDirectory($"/var/tmp/th-{Guid.NewGuid():N}"[..20]).FullName;
        try
        {
            using var program = new SampleProgram(Path.Combine(folder, "cache"));
            string image = CopyTiny(folder);
            Process builder = program.Start("build", image);
            await SampleProgram.ReadLineAsync(builder, "image mine: packages");
            IReadOnlyList<ProcessTree.Member> helpers = await WaitForChildrenAsync(builder.Id, found => found.Count > 3);

            await SignalAsync("KILL", builder.Id);

            await ProcessTree.AssertGoneAsync(helpers, Bound);
            File.ReadAllText("/proc/self/mountinfo").Should().NotContain(folder);
            Directory
                .GetDirectories(Path.Combine(folder, "cache/images/mine"))
                .Should()
                .ContainSingle()
                .Which.Should()
                .EndWith(".building");
            (int exitCode, string output) = await program.RunAsync("build", image);
            exitCode.Should().Be(0, output);
            output
                .Should()
                .Contain("image mine: removed what a killed build left")
                .And.Contain("image mine: packages")
                .And.Contain("running");
            Directory
                .GetDirectories(Path.Combine(folder, "cache/images/mine"))
                .Should()
                .ContainSingle()
                .Which.Should()
                .NotEndWith(".building");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task AssertLeavesNothingAsync(SampleProgram program, HeldMachine machine, string signal)
    {
        IReadOnlyList<ProcessTree.Member> children = ProcessTree.DescendantsOf(machine.Program.Id);
        children.Should().Contain(child => child.Id == machine.Qemu);
        var since = Stopwatch.StartNew();

        await SignalAsync(signal, machine.Program.Id);

        await machine.Program.WaitForExitAsync(Token).WaitAsync(Bound, Token);
        await ProcessTree.AssertGoneAsync(children, Bound);
        program.Leftovers.Should().BeEmpty("the reaper has removed the run folder before it ended");
        since.Elapsed.Should().BeLessThan(Bound);
    }

    private static async Task<IReadOnlyList<ProcessTree.Member>> WaitForChildrenAsync(
        int process,
        Func<IReadOnlyList<ProcessTree.Member>, bool> wanted
    )
    {
        var since = Stopwatch.StartNew();
        IReadOnlyList<ProcessTree.Member> children;
        while (!wanted(children = ProcessTree.DescendantsOf(process)))
        {
            since.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30), "it starts programs");
            await Task.Delay(20, Token);
        }

        return children;
    }

    private static async Task SignalAsync(string signal, int process)
    {
        using Process kill = Process.Start("kill", ["-s", signal, "--", $"{process}"]);
        await kill.WaitForExitAsync(Token);
        kill.ExitCode.Should().Be(0);
    }

    private static string CopyTiny(string folder)
    {
        string copy = Directory.CreateDirectory(Path.Combine(folder, "mine")).FullName;
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "images/tiny")))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        return copy;
    }
}
