using System.Net;
using FluentAssertions;
using TestHarness.Tests.Networks;
using Xunit;

namespace TestHarness.Tests.Clusters;

public sealed class PacketWaitTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_packet_that_came_before_is_found_and_the_next_wait_goes_on_behind_it()
    {
        await using var two = new NetworkOfTwo();
        two.SendTcp(80, 1);
        two.SendTcp(80, 2);
        two.Send("db", Frames.Arp(NetworkOfTwo.CardOf("db"), "10.77.1.10", "10.77.1.11"));
        var match = new PacketMatch
        {
            From = "web",
            To = "db",
            FromAddress = IPAddress.Parse("10.77.1.11"),
            ToAddress = IPAddress.Parse("10.77.1.10"),
            FromPort = 40_000,
            ToPort = 80,
            Protocol = PacketProtocol.Tcp,
        };

        byte[] payloads = [(await Find(match)).Payload.Span[0], (await Find(match)).Payload.Span[0]];
        CapturedPacket third = await Find(new PacketMatch());

        payloads.Should().Equal(1, 2);
        (third.From, third.To, third.Protocol).Should().Be(("db", null, PacketProtocol.Arp));
        two.Network.FindPackets(match).Should().HaveCount(2, "what is kept is there however often it is asked for");
        two.Events()
            .Where(one => one.Kind == MachineEventKind.Operation)
            .Select(one => $"{one.What}: {one.Outcome}")
            .Should()
            .Equal([.. Enumerable.Repeat($"network 'lan' to carry {match}: ok", 2), "network 'lan' to carry a packet: ok"])
            .And.Equal(two.Events("web").Select(one => $"{one.What}: {one.Outcome}"));

        Task<CapturedPacket> Find(PacketMatch one) => two.Network.WaitForPacketAsync(one, Enough, Token);
    }

    [Fact]
    public async Task Waits_at_the_same_time_find_what_comes_in_any_order()
    {
        await using var two = new NetworkOfTwo();
        Task<CapturedPacket>[] waits =
        [
            .. Enumerable.Range(1, 20).Select(port => two.Network.WaitForPacketAsync(new PacketMatch { ToPort = port }, Enough, Token)),
        ];
        for (int port = 20; port > 0; port--)
            two.SendTcp(port);

        CapturedPacket[] found = await Task.WhenAll(waits);

        found.Select(packet => packet.ToPort).Should().Equal(Enumerable.Range(1, 20).Select(port => (int?)port));
        // Behind the one that came last.
        two.SendTcp(1, 9);
        CapturedPacket next = await two.Network.WaitForPacketAsync(new PacketMatch { ToPort = 1 }, Enough, Token);
        next.Payload.ToArray().Should().Equal(9);
    }

    [Fact]
    public async Task A_limit_that_runs_out_tells_what_was_there_instead()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        two.SendTcp(80);
        two.SendTcp(80);
        two.Send("db", Frames.Ip(NetworkOfTwo.CardOf("web"), NetworkOfTwo.CardOf("db"), "10.0.0.1", "10.0.0.2", Frames.Udp, 1, 2));
        two.Send("db", [1]);
        using var looked = new CountdownEvent(4);
        var match = new PacketMatch { Where = _ => looked.Signal() && false };

        Task<CapturedPacket> wait = two.Network.WaitForPacketAsync(match, cancellationToken: Token);
        looked.Wait(Token);
        time.Advance(TimeSpan.FromMinutes(1));

        WaitTimeoutException thrown = (await wait.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>()).Which;
        thrown.Summary.Should().EndWith("waited 60 s for network 'lan' to carry a packet that Where takes, in vain.");
        thrown.Message.Should().Contain("Last seen:\n  4 packets\n  web to db: 2 Tcp\n");
        thrown.Message.Should().Contain("\n  db to web: 1 Malformed\n").And.Contain("\n  db to others: 1 Malformed\n");
        thrown.MachineName.Should().StartWith("db");
        two.Events("web").Should().ContainSingle(one => one.Outcome!.StartsWith(nameof(WaitTimeoutException)));
    }

    [Fact]
    public async Task What_a_flood_has_pushed_out_unseen_is_told()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        using var looks = new SemaphoreSlim(0);
        using var goOn = new SemaphoreSlim(0);
        using var last = new ManualResetEventSlim();
        var match = new PacketMatch
        {
            Where = packet =>
            {
                looks.Release();
                goOn.Wait(Token);
                if (packet.ToPort == 9)
                    last.Set();
                return false;
            },
        };
        two.SendTcp(80);
        Task<CapturedPacket> wait = two.Network.WaitForPacketAsync(match, cancellationToken: Token);
        await looks.WaitAsync(Token);
        for (int sent = 0; sent < 3 * 1024 * 1024; sent += 60_000)
            two.SendTcp(80, new byte[60_000]);
        two.SendTcp(9);
        goOn.Release(1000);
        // It goes on a moment after it was woken.
        while (!last.IsSet)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Delay(1, Token);
        }

        time.Advance(TimeSpan.FromMinutes(1));

        (await wait.Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>()).WithMessage("*bytes were gone before*CaptureMiB*");
    }

    [Fact]
    public async Task A_question_that_blocks_holds_up_neither_the_limit_nor_the_end_of_the_network()
    {
        var time = new ManualTime();
        await using var two = new NetworkOfTwo(time);
        two.SendTcp(80);
        using var never = new ManualResetEventSlim();
        using var asked = new CountdownEvent(2);
        var match = new PacketMatch
        {
            Where = _ =>
            {
                asked.Signal();
                never.Wait();
                return true;
            },
        };
        Task<CapturedPacket> limited = two.Network.WaitForPacketAsync(match, TimeSpan.FromSeconds(5), Token);
        Task<CapturedPacket> open = two.Network.WaitForPacketAsync(match, cancellationToken: Token);
        asked.Wait(Token);

        time.Advance(TimeSpan.FromSeconds(5));
        await limited.WaitAsync(Enough, Token).Awaiting(task => task).Should().ThrowAsync<WaitTimeoutException>();
        await two.Network.EndAsync().WaitAsync(Enough, Token);
        (await open.WaitAsync(Enough, Token).Awaiting(task => task).Should().ThrowAsync<ObjectDisposedException>()).WithMessage(
            "*'lan' has ended*a packet*"
        );
        never.Set();
    }

    [Fact]
    public async Task A_cluster_that_is_disposed_and_a_caller_who_cancels_end_a_wait_at_once()
    {
        await using var cluster = new Cluster(new ClusterSpec { ["a"] = new MachineSpec { Networks = ["lan"] } });
        ClusterNetwork lan = cluster.Networks["lan"];
        using var goOn = new ManualResetEventSlim();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task<CapturedPacket> cancelled = lan.WaitForPacketAsync(new PacketMatch(), cancellationToken: cancel.Token);
        Task<CapturedPacket> open = lan.WaitForPacketAsync(new PacketMatch(), cancellationToken: Token);

        await cancel.CancelAsync();
        (await cancelled.Awaiting(task => task).Should().ThrowAsync<OperationCanceledException>())
            .Which.CancellationToken.Should()
            .Be(cancel.Token);
        // Before what blocks: those who wait for a task are told in their order.
        Task ended = open.Awaiting(task => task).Should().ThrowAsync<ObjectDisposedException>();
        // What comes next in the caller's code does not hold it up.
        Task blocked = open.ContinueWith(_ => goOn.Wait(), TaskContinuationOptions.ExecuteSynchronously);
        await cluster.DisposeAsync().AsTask().WaitAsync(Enough, Token);

        await ended;
        await lan.Awaiting(one => one.WaitForPacketAsync(new PacketMatch())).Should().ThrowAsync<ObjectDisposedException>();
        blocked.IsCompleted.Should().BeFalse();
        goOn.Set();
        await blocked;
    }

    [Fact]
    public async Task What_a_question_throws_comes_out_as_it_is()
    {
        await using var two = new NetworkOfTwo();
        two.SendTcp(80);
        var match = new PacketMatch { Where = _ => throw new FormatException("mine") };

        (await two.Network.Awaiting(one => one.WaitForPacketAsync(match)).Should().ThrowAsync<FormatException>()).WithMessage("mine");
        two.Events().Should().ContainSingle(one => one.Outcome == "FormatException: mine");
    }

    [Fact]
    public async Task All_that_is_kept_can_be_read()
    {
        await using var two = new NetworkOfTwo(captureMiB: 4);
        for (int number = 0; number < 50_000; number++)
            two.SendTcp(number);

        two.Network.FindPackets(new PacketMatch())
            .Select(packet => packet.ToPort)
            .Should()
            .Equal(Enumerable.Range(0, 50_000).Select(port => (int?)port));
    }

    [Fact]
    public async Task What_no_packet_can_be_is_refused()
    {
        await using var two = new NetworkOfTwo();
        await using var deaf = new NetworkOfTwo(captureMiB: 0);

        Refuse(new PacketMatch { From = "wbe" }).WithMessage("*\"wbe\"*\"lan\"*db, web*");
        Refuse(new PacketMatch { ToPort = 65_536 }).WithMessage("*65536*65535*");
        Refuse(new PacketMatch { FromPort = -1 }).WithMessage("*-1 is no port*");
        Refuse(new PacketMatch { ToPort = 0, Protocol = PacketProtocol.Icmp }).WithMessage("*Icmp has no ports*");
        deaf.Network.Invoking(one => one.FindPackets(new PacketMatch()))
            .Should()
            .Throw<InvalidOperationException>()
            .WithMessage("*'lan' keeps no packets*CaptureMiB*");

        global::FluentAssertions.Specialized.ExceptionAssertions<ArgumentException> Refuse(PacketMatch match)
        {
            Action wait = () => _ = two.Network.WaitForPacketAsync(match);
            wait.Should().Throw<ArgumentException>();
            return two.Network.Invoking(one => one.FindPackets(match)).Should().Throw<ArgumentException>();
        }
    }
}
