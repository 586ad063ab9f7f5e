using FluentAssertions;
using TestHarness.Templates;
using Xunit;

namespace TestHarness.MachineTests.Templates;

[Fault(
    "A step of a set-up fails, never ends, or is changed; what it pushes is changed; a layer in the middle has lost its memory.",
    "The failure names the step, its command and what that wrote. Nothing of it is kept. The next start goes on from the layer below."
)]
public sealed class LayerTests : IDisposable
{
    private static int _unique;

    private readonly string _folder = Directory.CreateTempSubdirectory("layers-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_step_runs_once_and_all_later_machines_go_on_from_what_it_left()
    {
        int runs = 0;
        MachineSpec spec = Unique(
            SetupStep.Run("mkdir /etc/shop"),
            SetupStep.Write("/etc/shop/conf", "port=8080\n"),
            SetupStep.Run("cat /etc/shop/conf > /run/read; sleep 9999 > /dev/null 2>&1 & echo $! > /run/service"),
            SetupStep.Do("seed", async (vm, cancellationToken) =>
            {
                runs++;
                await vm.Shell.RunAsync("echo seeded > /root/data", cancellationToken: cancellationToken);
            })
        );

        List<string> first = await LookAsync(),
            second = await LookAsync();

        runs.Should().Be(1);
        first.Should().Contain("set-up 4 of 4: seed").And.Contain(step => step.StartsWith("set-up 4 of 4: seed: "));
        second.Should().Contain("set-up: 4 of 4 steps cached").And.NotContain(step => step.Contains("seed"));

        async Task<List<string>> LookAsync()
        {
            var steps = new List<string>();
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);
            vm.IsWarm.Should().BeTrue();
            ShellResult seen = await vm.Shell.RunAsync(
                "cat /run/read /root/data; kill -0 $(cat /run/service) && hostname",
                cancellationToken: Token
            );
            seen.StandardOutput.Should().Be($"port=8080\nseeded\n{vm.Name}\n");
            // What a test does is in no layer.
            await vm.Shell.RunAsync("rm /root/data; kill $(cat /run/service)", cancellationToken: Token);
            return steps;
        }
    }

    [Fact]
    public async Task A_change_runs_its_step_and_those_after_it()
    {
        List<int> runs = [];
        string push = Path.Combine(_folder, "build");
        Directory.CreateDirectory(push);
        await File.WriteAllTextAsync(Path.Combine(push, "app"), "one", Token);
        MachineSpec spec = Unique(Counting(1), SetupStep.Push($"{push}/", "/opt/app/"), Counting(3));

        (await ReadAsync()).Should().Be("one");
        // A build sets all times anew.
        File.SetLastWriteTimeUtc(Path.Combine(push, "app"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        (await ReadAsync()).Should().Be("one");
        runs.Should().Equal(1, 3);
        await File.WriteAllTextAsync(Path.Combine(push, "app"), "two", Token);
        (await ReadAsync()).Should().Be("two");
        runs.Should().Equal(1, 3, 3);

        DoStep Counting(int step) => SetupStep.Do($"step {step}", (_, _) =>
            {
                runs.Add(step);
                return Task.CompletedTask;
            });

        async Task<string> ReadAsync()
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
            return await vm.Files.ReadTextAsync("/opt/app/app", cancellationToken: Token);
        }
    }

    [Fact]
    public async Task A_step_that_fails_is_named_with_what_it_wrote_and_the_next_start_goes_on_below_it()
    {
        int runs = 0;
        DoStep counted = SetupStep.Do("counted", (_, _) =>
        {
            runs++;
            return Task.CompletedTask;
        });
        MachineSpec spec = Unique(counted, SetupStep.Run("echo no space >&2; echo half > /root/half; exit 3"));

        MachineStartException failed = await Refused(spec);

        failed.Fault.Should().Be(MachineFault.SetupFailed);
        failed
            .Message.Should()
            .Contain("was not set up: set-up 2 of 2: run echo no space")
            .And.Contain("exit code 3")
            .And.Contain("no space");
        failed.SerialTail.Should().NotBeNull();
        MachineSpec mended = spec with { Setup = [spec.Setup[0], SetupStep.Run("test ! -e /root/half")] };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(mended, cancellationToken: Token);
        runs.Should().Be(1);
    }

    [Fact]
    public async Task A_step_that_never_ends_hits_its_limit()
    {
        SetupStep[] endless =
        [
            SetupStep.Run("sleep 9999") with
            {
                Timeout = TimeSpan.FromSeconds(1),
            },
            SetupStep.WaitForPort(9) with
            {
                Timeout = TimeSpan.FromSeconds(1),
            },
            // It does not look at its token.
            SetupStep.Do("for ever", (_, _) => new TaskCompletionSource().Task) with
            {
                Timeout = TimeSpan.FromSeconds(1),
                Name = "waits",
            },
        ];
        foreach (SetupStep step in endless)
        {
            MachineStartException failed = await Refused(new MachineSpec { Setup = [step] });

            failed.Message.Should().Contain($"set-up 1 of 1: {step.Title} failed").And.Contain("waited 1 s for");
        }
    }

    [Fact]
    public async Task A_guest_that_restarts_in_a_step_is_kept_as_it_came_up()
    {
        MachineSpec spec = Unique(SetupStep.Run("echo kept > /root/kept; echo gone > /dev/shm/gone"), SetupStep.Reboot());

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        vm.IsWarm.Should().BeTrue();
        (await vm.Shell.RunAsync("cat /root/kept; ls /dev/shm", cancellationToken: Token)).StandardOutput.Should().Be("kept\n");
        vm.Console.Log.Text.Split("Linux version").Should().HaveCount(3, "the log is that of two boots");
    }

    [Fact]
    public async Task A_connection_inside_the_guest_and_the_disks_survive_a_layer()
    {
        MachineSpec spec = Unique(
            SetupStep.Run(
                """
                mkfifo /run/in /run/idle
                sleep 9999 > /dev/null 2>&1 <> /run/in &
                sleep 9999 > /dev/null 2>&1 <> /run/idle &
                nc -l -p 7000 > /run/out 2>&1 < /run/idle &
                """
            ),
            SetupStep.WaitForFile("/run/in"),
            SetupStep.Run("nc 127.0.0.1 7000 > /dev/null 2>&1 < /run/in & echo before > /run/in; echo onto > /dev/vdb")
        ) with
        {
            Disks = [new Disk(16)],
        };

        for (int turn = 0; turn < 2; turn++)
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
            await vm.Shell.RunAsync("echo after > /run/in", cancellationToken: Token);
            await vm.Shell.WaitUntilSucceedsAsync("test \"$(cat /run/out)\" = \"before\nafter\"", cancellationToken: Token);
            (await vm.Shell.RunAsync("head -n 1 /dev/vdb", cancellationToken: Token)).StandardOutput.Should().Be("onto\n");
        }
    }

    [Fact]
    public async Task A_layer_in_the_middle_that_has_lost_its_memory_still_carries_those_above_and_is_made_again_for_a_new_one()
    {
        var steps = new List<string>();
        MachineSpec spec = Unique(SetupStep.Run("echo 1 >> /root/steps"), Step(2), Step(3));
        string top;
        await using (VirtualMachine first = await VirtualMachine.StartAsync(spec, cancellationToken: Token))
            top = LayerOf((await first.CollectEvidenceAsync(Token)).CommandLine);
        string middle = Path.Combine(Path.GetDirectoryName(top)!, TemplateDescription.TryRead(top)!.Layer!.Below.Key);
        // As where room is needed.
        File.Delete(Path.Combine(middle, TemplateFiles.Memory));

        await using (VirtualMachine second = await VirtualMachine.StartAsync(spec, new StepList(steps), Token))
            (await ReadAsync(second)).Should().Be("1\n2\n3\n");
        steps.Should().Contain("set-up: 3 of 3 steps cached");
        await using VirtualMachine changed = await VirtualMachine.StartAsync(
            spec with
            {
                Setup = [.. spec.Setup.Take(2), Step(4)],
            },
            new StepList(steps),
            Token
        );

        (await ReadAsync(changed)).Should().Be("1\n2\n4\n");
        steps.Should().Contain(step => step.EndsWith("thrown away and made again: its memory has made room for others"));
        steps
            .Should()
            .Contain(step => step.StartsWith("set-up 2 of 3: run echo 2"))
            .And.Contain(step => step.StartsWith("set-up 1 of 3") && step.EndsWith(": cached"));

        static RunStep Step(int number) => SetupStep.Run($"echo {number} >> /root/steps");
        static Task<string> ReadAsync(VirtualMachine vm) => vm.Files.ReadTextAsync("/root/steps", cancellationToken: Token);
    }

    [Fact]
    public async Task A_machine_that_boots_runs_its_steps_itself()
    {
        MachineSpec spec = new() { Start = StartMode.Cold, Setup = [SetupStep.Run("echo booted > /root/kept")] };
        var steps = new List<string>();

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);

        vm.IsWarm.Should().BeFalse();
        steps.Should().Contain("set-up 1 of 1: run echo booted > /root/kept");
        (await vm.Shell.RunAsync("cat /root/kept", cancellationToken: Token)).StandardOutput.Should().Be("booted\n");
    }

    [Fact]
    public async Task What_a_layer_notes_has_no_secret_in_it()
    {
        const string Secret = "hunter2-of-the-layer";
        MachineSpec spec = Unique(SetupStep.Run($"echo {Secret} > /dev/null")) with { Secrets = [Secret] };
        var steps = new List<string>();

        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, new StepList(steps), Token);

        steps.Should().Contain("set-up 1 of 1: run echo *** > /dev/null");
        string layer = LayerOf((await vm.CollectEvidenceAsync(Token)).CommandLine);
        string note = await File.ReadAllTextAsync(Path.Combine(layer, "template.json"), Token);
        note.Should().Contain("run echo *** ").And.NotContain(Secret);
        foreach (string file in (string[])["state", "serial.log"])
            (await File.ReadAllTextAsync(Path.Combine(layer, file), Token)).Should().NotContain(Secret);
    }

    // The template is every test's; the layers are one's own, for the first step is.
    private static MachineSpec Unique(SetupStep first, params SetupStep[] setup)
    {
        string unique = $"{Environment.ProcessId}.{Interlocked.Increment(ref _unique)}";
        SetupStep own = first switch
        {
            RunStep run => run with { Environment = new Dictionary<string, string> { ["UNIQUE"] = unique } },
            DoStep code => code with { Label = $"{code.Label} {unique}", Name = code.Label },
            _ => throw new ArgumentException("Begin with Run or Do.", nameof(first)),
        };
        return new MachineSpec { Setup = [own, .. setup] };
    }

    internal static async Task<MachineStartException> Refused(MachineSpec spec) =>
        (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineStartException>()
        ).Which;

    internal static string LayerOf(string commandLine) => commandLine.Split("\"mem-path\":\"")[1].Split("/memory\"")[0];
}
