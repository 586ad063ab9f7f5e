using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using FluentAssertions;
using TestHarness.Agents;
using Xunit;
using static TestHarness.Tests.Agents.AgentTestExtensions;

namespace TestHarness.Tests.Agents;

/// <summary>The agent against bytes that it should never see: whatever came before, a HELLO brings it in step.</summary>
public sealed class AgentHandshakeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[]> Garbage =>
        new()
        {
            { "nothing", [] },
            { "text", Encoding.UTF8.GetBytes("GET / HTTP/1.1\r\nHost: guest\r\n\r\n") },
            { "zeros", new byte[100_000] },
            { "half a header", [1, 2, 3, 4] },
            { "an unknown type", Frame(77, 0, 0, []) },
            { "type 0", Frame(0, 0, 0, []) },
            { "an unknown channel", Frame(6, 1, 9, [1]) },
            { "a payload that is too long", Header(0x7fffffff, 1, 6, 0) },
            { "a length beyond 31 bits", Header(uint.MaxValue, 1, 6, 0) },
            { "a frame cut in its payload", Frame(4, 1, 0, Encoding.UTF8.GetBytes("A\x04\0\0\0true"))[..17] },
            { "a frame whose rest never comes", Header(65536, 5, 6, 0) },
            { "a RUN without a program", Frame(4, 1, 0, []) },
            { "a RUN with a field that is too long", Frame(4, 1, 0, [(byte)'A', 255, 255, 255, 255, 1]) },
            { "a RUN with half a field", Frame(4, 1, 0, [(byte)'A', 1]) },
            { "a RUN with an unknown field", Frame(4, 1, 0, [(byte)'Z', 0, 0, 0, 0]) },
            { "a RUN with a NUL in an argument", Frame(4, 1, 0, [(byte)'A', 3, 0, 0, 0, 97, 0, 98]) },
            { "a RUN with a variable without a value", Frame(4, 1, 0, [(byte)'A', 1, 0, 0, 0, 97, (byte)'E', 1, 0, 0, 0, 97]) },
            { "a RUN with half a size", Frame(4, 1, 0, [(byte)'A', 1, 0, 0, 0, 97, (byte)'P', 1, 0, 0, 0, 97]) },
            { "a RUN on stream 0", Frame(4, 0, 0, [(byte)'A', 1, 0, 0, 0, 97]) },
            { "a RUN on the agent's streams", Frame(4, 0x80000001, 0, [(byte)'A', 1, 0, 0, 0, 97]) },
            { "a CONNECT without a port", Frame(14, 1, 0, []) },
            { "a CONNECT to a very long name", Frame(14, 1, 0, new byte[60_000]) },
            { "a SETTLE that is too short", Frame(17, 0, 0, new byte[5]) },
            { "a SETTLE whose seed is missing", Frame(17, 0, 0, [.. new byte[16], 255, 255]) },
            { "a POWER with a wrong action", Frame(19, 0, 0, [9, 0]) },
            { "a PING that is too long", Frame(2, 0, 0, new byte[65]) },
            { "a HELLO without its nonce", Frame(1, 0, 0, []) },
            { "frames that only the agent sends", [.. Frame(5, 1, 0, [0, 0, 0, 0]), .. Frame(12, 1, 0, [0, 0, 0, 0, 0])] },
            {
                "frames for streams that do not exist",
                [.. Frame(6, 9, 0, [1]), .. Frame(7, 9, 0, []), .. Frame(8, 9, 1, [1, 0, 0, 0]), .. Frame(11, 9, 0, [])]
            },
            { "the same stream twice", [.. Frame(15, 1, 0, [0, 0]), .. Frame(15, 1, 0, [0, 0])] },
            { "data for a listener", [.. Frame(15, 1, 0, [0, 0]), .. Frame(6, 1, 0, [1, 2, 3])] },
            { "a window beyond all bounds", [.. Frame(15, 1, 0, [0, 0]), .. Frame(8, 1, 1, [255, 255, 255, 255])] },
            { "data beyond the window", [.. Sleep(), .. Enumerable.Repeat(Frame(6, 1, 0, new byte[65536]), 9).SelectMany(frame => frame)] },
            { "data on an output", [.. Sleep(), .. Frame(6, 1, 1, new byte[1])] },
            { "most of a HELLO", Frame(1, 0, 0, new byte[16])[..27] },
        };

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Comes_in_step_and_serves_whatever_came_before(string what, byte[] garbage)
    {
        what.Should().NotBeEmpty();
        await using CompiledAgent agent = await CompiledAgent.StartAsync(Token);
        // Once out of step, and once in step, where the frames count.
        await agent.Transport.WriteAsync(garbage, Token);
        await agent.Transport.WriteAsync(Frame(1, 0, 0, new byte[16]), Token);
        await agent.Transport.WriteAsync(garbage, Token);

        await agent.Connection.HandshakeAsync(Token).WaitAsync(TimeSpan.FromSeconds(10), Token);

        (await agent.Connection.RunToEndAsync("echo fine", Token)).Text.Should().Be("fine\n");
    }

    [Fact]
    public async Task Names_the_mistake_and_drops_everything_on_a_protocol_error()
    {
        await using CompiledAgent agent = await CompiledAgent.ConnectAsync(Token);
        AgentProcess process = await agent.Connection.RunAsync(Script("echo $$; sleep 1000"), Token);
        int id = int.Parse(await ReadLineAsync(process.StandardOutput, Token), CultureInfo.InvariantCulture);

        await agent.Transport.WriteAsync(Frame(77, 0, 0, []), Token);

        await process
            .Exit.Awaiting(exit => exit)
            .Should()
            .ThrowAsync<AgentLostException>()
            .WithMessage("*dropped all streams: protocol error*");
        await agent.Connection.HandshakeAsync(Token);
        await WaitUntilGoneAsync(id, Token);
        (await agent.Connection.RunToEndAsync("exit 3", Token)).Exit.ExitCode.Should().Be(3);
    }

    [Fact]
    public async Task Kills_the_commands_of_before_when_a_new_host_says_hello()
    {
        await using CompiledAgent agent = await CompiledAgent.ConnectAsync(Token);
        AgentProcess process = await agent.Connection.RunAsync(Script("setsid sleep 1000 & echo $!; sleep 1000"), Token);
        int child = int.Parse(await ReadLineAsync(process.StandardOutput, Token), CultureInfo.InvariantCulture);

        // As if this host were gone and another had taken the port over, unnoticed by the agent.
        await agent.Transport.WriteAsync(Frame(1, 0, 0, [.. Enumerable.Repeat((byte)7, 16)]), Token);

        await WaitUntilGoneAsync(process.ProcessId, Token);
        await WaitUntilGoneAsync(child, Token);
        // The answer is not ours, so the connection falls out of step, and comes in again by itself.
        await process.Exit.Awaiting(exit => exit).Should().ThrowAsync<AgentLostException>();
        await agent.Connection.HandshakeAsync(Token);
        (await agent.Connection.RunToEndAsync("exit 3", Token)).Exit.ExitCode.Should().Be(3);
    }

    [Fact]
    public async Task Comes_in_step_when_the_host_before_left_in_the_middle_of_a_frame()
    {
        await using CompiledAgent agent = await CompiledAgent.StartAsync(Token);
        await agent.Transport.WriteAsync(Frame(1, 0, 0, new byte[16]), Token);
        await agent.Transport.WriteAsync(Header(1000, 1, 6, 0), Token);

        // The rest of that frame never comes: the HELLO behind it counts all the same.
        await agent.Connection.HandshakeAsync(Token).WaitAsync(TimeSpan.FromSeconds(10), Token);

        await agent.Connection.PingAsync(Token);
    }

    internal static byte[] Frame(byte type, uint stream, byte channel, byte[] payload) =>
        [.. Header((uint)payload.Length, stream, type, channel), .. payload];

    private static byte[] Sleep() => Frame(4, 1, 0, AgentRequests.Run(new AgentCommand(["sleep", "1000"])));

    private static byte[] Header(uint length, uint stream, byte type, byte channel)
    {
        byte[] header = [0, 0, 0, 0, 0, 0, 0, 0, type, channel, (byte)'T', (byte)'H'];
        BinaryPrimitives.WriteUInt32LittleEndian(header, length);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), stream);
        return header;
    }
}
