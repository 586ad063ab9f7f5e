using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.FluentAssertions;
using TestHarness.Machines;
using TestHarness.MachineTests.Xunit;
using Xunit;

namespace TestHarness.MachineTests.Templates;

/// <summary>Alone: a machine of another test that waits for room would end what is made ready here.</summary>
[Collection(nameof(SpareTests))]
[CollectionDefinition(nameof(SpareTests), DisableParallelization = true)]
public sealed class SpareTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Over five seconds in every run: no other test takes a spare.
    [Fact]
    public async Task Hands_out_ready_machines_once_each()
    {
        var spec = new MachineSpec { Spares = 2, Disks = [new Disk(16)] };
        var names = new HashSet<string>();
        var random = new HashSet<string>();
        int spares = 0;
        try
        {
            for (int i = 0; i < 8; i++)
            {
                var steps = new List<string>();
                await using VirtualMachine vm = await VirtualMachine.StartAsync(
                    spec with
                    {
                        Disks = [new Disk(16)],
                    },
                    new StepList(steps),
                    Token
                );
                spares += steps.Count(step => step.Contains("a spare", StringComparison.Ordinal));
                names.Add(vm.Name);
                random.Add(
                    (
                        await vm.Shell.RunAsync(
                            "head -c 16 /dev/urandom | od -An -tx1; test ! -e /left && touch /left",
                            cancellationToken: Token
                        )
                    ).StandardOutput
                );
                (await vm.Shell.RunAsync("hostname", cancellationToken: Token)).Should().HaveOutput(vm.Name);
                long.Parse(
                        (await vm.Shell.RunAsync("date +%s", cancellationToken: Token)).StandardOutput,
                        System.Globalization.CultureInfo.InvariantCulture
                    )
                    .Should()
                    .BeCloseTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), 1);
            }

            names.Should().HaveCount(8);
            random.Should().HaveCount(8);
            spares.Should().BePositive("the pool was filled while the tests ran");
        }
        finally
        {
            await VirtualMachine.ReleaseSparesAsync(spec);
        }
    }

    [Fact]
    public async Task The_next_machine_is_made_ready_where_that_was_said_and_ends_where_nobody_asks_for_it()
    {
        var spec = new MachineSpec { StopTimeout = TimeSpan.FromSeconds(31) };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);

        SparePool.Idle = _ => Task.CompletedTask;
        vm.PrepareNext();
        vm.PrepareNext();
        await RowsAheadTests.WaitUntilReadyAsync(spec, Token);

        var steps = new List<string>();
        await using (VirtualMachine next = await VirtualMachine.StartAsync(spec, new StepList(steps), Token))
        {
            steps.Should().Equal("running (a spare)");
            (await next.Shell.RunAsync("hostname", cancellationToken: Token)).Should().HaveOutput(next.Name);
            SparePool.Find(spec)!.HasReady.Should().BeFalse("one was asked for");
            next.PrepareNext();
        }

        await VirtualMachine.ReleaseSparesAsync(spec);
        SparePool.Find(spec).Should().BeNull();
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        int port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        await using VirtualMachine forwarded = await VirtualMachine.StartAsync(
            spec with
            {
                PortForwards = [new PortForward(22) { HostPort = port }],
            },
            cancellationToken: Token
        );
        forwarded.PrepareNext();
        SparePool.Find(forwarded.Spec).Should().BeNull("the port is in use");
    }

    // Over five seconds where the host is slow: the pool makes a spare in the background.
    [Fact]
    public async Task What_a_receiver_throws_comes_out_whatever_it_is()
    {
        var spec = new MachineSpec { Image = "tiny", Spares = 1 };
        ImageException thrown = await Assert.ThrowsAsync<ImageException>(() =>
            VirtualMachine.StartAsync(new MachineSpec { Image = "/none.qcow2" }, cancellationToken: Token)
        );
        try
        {
            Func<Task> startUntilSpared = async () =>
            {
                while (!Token.IsCancellationRequested)
                {
                    var steps = new ThrowingSteps("running (a spare)", thrown);
                    await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, steps, Token);
                    await vm.Shell.RunAsync("sleep 0.5", cancellationToken: Token);
                }
            };

            (await startUntilSpared.Should().ThrowAsync<ImageException>()).Which.Should().BeSameAs(thrown);
        }
        finally
        {
            await VirtualMachine.ReleaseSparesAsync(spec);
        }
    }

    private sealed class ThrowingSteps(string at, Exception thrown) : IProgress<StartProgress>
    {
        public void Report(StartProgress value)
        {
            if (value.Step == at)
                throw thrown;
        }
    }
}
