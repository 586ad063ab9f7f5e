using System.Globalization;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Clusters;

/// <summary>What the set-up of a cluster leaves is restored for each one like it.</summary>
[Fault(
    "What a cluster's set-up has left is gone or refused by QEMU for one of its machines. A step of it fails.",
    "It is made again, and the steps run in the cluster that met it. A failed step is told with its machine, and nothing is kept."
)]
[Collection("Clusters")]
public sealed class ClusterLayerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Three clusters, and the one that the layer is made of.
    [Fact]
    public async Task Steps_run_once_and_what_was_formed_stays_formed()
    {
        int ran = 0;
        ClusterSpec spec = Pair(
            Counting(() => ran++),
            // It ends with its input.
            SetupStep.On("b", SetupStep.Run("sleep 9999 2> /dev/null | nc -l -p 7000 > /dev/shm/got 2> /dev/null &")),
            SetupStep.On("a", SetupStep.Run("(while :; do echo tick; sleep 0.1; done) | nc b 7000 > /dev/null 2>&1 &")),
            SetupStep.On("b", SetupStep.Run("while [ ! -s /dev/shm/got ]; do usleep 50000; done"))
        );
        await using (Cluster first = await Cluster.StartAsync(spec, cancellationToken: Token))
            await TicksAsync(first);
        await using Cluster second = await Cluster.StartAsync(spec, cancellationToken: Token),
            third = await Cluster.StartAsync(spec, cancellationToken: Token);

        ran.Should().Be(1);
        await TicksAsync(second);
        await TicksAsync(third);
        second["a"].IsWarm.Should().BeTrue();
        const string Identity = "cat /proc/sys/kernel/random/uuid";
        (await OutputOfAsync(second["a"], Identity))
            .Should()
            .NotBe(await OutputOfAsync(third["a"], Identity), "it has its own random state");
        (await OutputOfAsync(third["a"], "hostname; ping -c 1 -W 2 b > /dev/null && echo reached")).Should().Be("a\nreached");
        (await ClockOfAsync(third["a"])).Should().BeBefore(DateTimeOffset.UtcNow.AddSeconds(-1.5), "it went on from the save");
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task What_QEMU_refuses_is_thrown_away_and_made_again()
    {
        int ran = 0;
        ClusterSpec spec = Pair(Counting(() => ran++));
        string layer;
        await using (Cluster first = await Cluster.StartAsync(spec, cancellationToken: Token))
            layer = await UsualCache.TemplateFolderOfAsync(first["b"], Token);
        await SpoiledTemplate.MakeAsync(layer, Token);
        List<string> steps = [];

        await using (Cluster second = await Cluster.StartAsync(spec, new StepList(steps), Token))
        {
            ran.Should().Be(2, "the step runs in this cluster");
            (await second["a"].Shell.TryRunAsync("ping -c 1 -W 2 b", cancellationToken: Token)).Should().Succeed();
        }

        steps
            .Should()
            .ContainSingle(step => step.StartsWith("what the cluster's set-up has left is thrown away", StringComparison.Ordinal));
        // That of one machine alone is missing.
        await using (Cluster third = await Cluster.StartAsync(spec, cancellationToken: Token))
            Directory.Delete(await UsualCache.TemplateFolderOfAsync(third["a"], Token), recursive: true);
        ran.Should().Be(3, "it is made again");
        await using Cluster fourth = await Cluster.StartAsync(spec, cancellationToken: Token),
            fifth = await Cluster.StartAsync(spec, cancellationToken: Token);
        ran.Should().Be(4, "it is made for all again, once");
    }

    [Fact]
    public async Task A_step_that_fails_is_told_with_its_machine_and_nothing_is_kept()
    {
        bool isReady = false;
        ClusterSpec spec = Pair(
            SetupStep.On("b", SetupStep.Run("touch /here")),
            SetupStep.WaitUntil($"a moment {Guid.NewGuid()}", (_, _) =>
                isReady ? Task.FromResult(true) : throw new InvalidOperationException("no such moment")
            )
        );

        (
            await FluentActions
                .Awaiting(() => Cluster.StartAsync(spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineStartException>()
        )
            .WithMessage("*set-up 2 of 2: wait until a moment*no such moment*")
            .Which.Fault.Should()
            .Be(MachineFault.SetupFailed);

        isReady = true;
        await using Cluster cluster = await Cluster.StartAsync(spec, cancellationToken: Token);
        (await cluster["b"].Shell.TryRunAsync("test -e /here", cancellationToken: Token)).Should().Succeed();
    }

    [Fact]
    public async Task The_clocks_are_the_hosts_where_that_is_asked_for_and_a_machine_that_boots_has_the_steps_run_each_time()
    {
        int ran = 0;
        ClusterSpec onHostTime = Pair(Counting(() => ran++), spec => spec, ClusterClock.Host);
        for (int i = 0; i < 2; i++)
        {
            await using Cluster cluster = await Cluster.StartAsync(onHostTime, cancellationToken: Token);
            (await ClockOfAsync(cluster["a"])).Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromSeconds(2));
        }

        ran.Should().Be(1);
        List<string> steps = [];
        await using Cluster booted = await Cluster.StartAsync(
            Pair(Counting(() => ran++), spec => spec with { Start = StartMode.Cold }, ClusterClock.Kept),
            new StepList(steps),
            Token
        );
        ran.Should().Be(2);
        steps.Should().ContainSingle(step => step.StartsWith("set-up of the cluster runs at each start", StringComparison.Ordinal));
    }

    private static ClusterSpec Pair(params SetupStep[] steps) =>
        new()
        {
            ["a"] = new MachineSpec { Networks = ["lan"] },
            ["b"] = new MachineSpec { Networks = ["lan"] },
            Setup = steps,
        };

    private static ClusterSpec Pair(SetupStep step, Func<MachineSpec, MachineSpec> change, ClusterClock clock) =>
        new()
        {
            ["a"] = change(new MachineSpec { Networks = ["lan"] }),
            ["b"] = new MachineSpec { Networks = ["lan"] },
            Setup = [step],
            Clock = clock,
        };

    // Another label, another layer.
    private static UntilStep Counting(Action count) => SetupStep.WaitUntil($"counted {Guid.NewGuid()}", (_, _) =>
        {
            count();
            return Task.FromResult(true);
        });

    private static async Task TicksAsync(Cluster cluster)
    {
        string before = await OutputOfAsync(cluster["b"], "wc -c < /dev/shm/got");
        await cluster["b"].Shell.WaitUntilSucceedsAsync($"test $(wc -c < /dev/shm/got) -gt {before}", cancellationToken: Token);
    }

    private static async Task<DateTimeOffset> ClockOfAsync(VirtualMachine vm) =>
        DateTimeOffset.FromUnixTimeSeconds(long.Parse(await OutputOfAsync(vm, "date +%s"), CultureInfo.InvariantCulture));

    private static async Task<string> OutputOfAsync(VirtualMachine vm, string command) =>
        (await vm.Shell.RunAsync(command, cancellationToken: Token)).StandardOutput.Trim();
}
