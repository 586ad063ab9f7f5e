using FluentAssertions;
using TestHarness.Networks.Ethernet;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class LinkStageTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    public void Loses_the_share_that_was_asked_for_in_bursts_of_the_length_that_was_asked_for(double burst)
    {
        bool[] lost =
        [
            .. PassMany(100_000, new LinkConditions { Loss = 0.1, LossBurst = burst }).Select(passage => passage.Dropped == DropCause.Loss),
        ];

        double share = lost.Count(one => one) / 100_000.0;
        int bursts = lost.Zip(lost.Skip(1)).Count(pair => !pair.First && pair.Second);
        share.Should().BeInRange(burst > 1 ? 0.085 : 0.095, burst > 1 ? 0.115 : 0.105);
        (lost.Count(one => one) / (double)bursts).Should().BeInRange(burst > 1 ? 17 : 1.05, burst > 1 ? 23 : 1.2);
    }

    [Fact]
    public void Does_the_same_with_the_same_seed_and_again_when_it_is_set_again()
    {
        var conditions = new LinkConditions
        {
            Loss = 0.3,
            Duplication = 0.2,
            Corruption = 0.2,
            Jitter = TimeSpan.FromMilliseconds(5),
            Latency = TimeSpan.FromMilliseconds(10),
        };
        FramePassage[] first = PassMany(500, conditions);

        PassMany(500, conditions).Should().Equal(first);
        PassMany(500, conditions, seed: 2).Should().NotEqual(first);
        LinkStage stage = Stage(conditions);
        Pass(stage);
        stage.Set(conditions);
        Pass(stage).Should().Be(first[0]);
    }

    [Fact]
    public void Delays_by_latency_and_jitter_and_never_into_the_past()
    {
        double[] late =
        [
            .. PassMany(2000, new LinkConditions { Latency = TimeSpan.FromMilliseconds(50), Jitter = TimeSpan.FromMilliseconds(20) })
                .Select(passage => (passage.Due - Now).TotalMilliseconds),
        ];
        double[] little =
        [
            .. PassMany(2000, new LinkConditions { Latency = TimeSpan.FromMilliseconds(5), Jitter = TimeSpan.FromMilliseconds(20) })
                .Select(passage => (passage.Due - Now).TotalMilliseconds),
        ];

        late.Should().OnlyContain(one => one >= 30 && one <= 70);
        late.Average().Should().BeInRange(49, 51);
        little.Min().Should().Be(0);
    }

    [Fact]
    public void Carries_as_many_bits_as_it_is_given_and_drops_what_finds_no_room_to_wait()
    {
        // 1,000 bytes take 8 ms.
        FramePassage[] passages = PassMany(10, new LinkConditions { BitsPerSecond = 1_000_000, QueueBytes = 4000 }, bytes: 1000);

        passages
            .Where(passage => passage.Dropped is null)
            .Select(passage => Math.Round((passage.Due - Now).TotalMilliseconds))
            .Should()
            .Equal(8, 16, 24, 32);
        passages.Count(passage => passage.Dropped == DropCause.QueueFull).Should().Be(6);
        PassMany(1, new LinkConditions { BitsPerSecond = 1_000_000, QueueBytes = 0 }, bytes: 1000)[0]
            .Dropped.Should()
            .BeNull("nothing waits");
    }

    [Fact]
    public void Lets_large_packets_vanish_and_turns_over_bits_behind_the_addresses_alone()
    {
        var hole = new LinkConditions { LargestPacket = 1400 };
        PassMany(1, hole, bytes: 1414)[0].Dropped.Should().BeNull();
        PassMany(1, hole, bytes: 1415)[0].Dropped.Should().Be(DropCause.TooLarge);

        int[] bits = [.. PassMany(1000, new LinkConditions { Corruption = 1 }, bytes: 60).Select(passage => passage.FlippedBit!.Value)];
        bits.Should().OnlyContain(bit => bit >= 14 * 8 && bit < 60 * 8);
        bits.Distinct().Should().HaveCountGreaterThan(200);
        PassMany(1, new LinkConditions { Corruption = 1 }, bytes: 14)[0].FlippedBit.Should().BeNull("there is nothing behind them");
    }

    private static FramePassage[] PassMany(int count, LinkConditions conditions, int seed = 1, int bytes = 100)
    {
        LinkStage stage = Stage(conditions, seed);
        return [.. Enumerable.Range(0, count).Select(_ => Pass(stage, bytes))];
    }

    private static LinkStage Stage(LinkConditions conditions, int seed = 1)
    {
        var stage = new LinkStage(seed);
        stage.Set(conditions);
        return stage;
    }

    private static FramePassage Pass(LinkStage stage, int bytes = 100)
    {
        var passage = new FramePassage(Now);
        stage.Pass(bytes, ref passage);
        return passage;
    }
}
