using System.IO.Pipelines;
using TestHarness.Agents;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>
/// What comes over a channel of SSH.NET, read without a thread that waits for it. There it waits without a bound until it is read, and a
/// read blocks its thread; so a thread of its own takes it out as it comes.
/// </summary>
internal static class SshOutput
{
    /// <summary>
    /// So much waits in SSH.NET at most. The connection's one reader waits for nobody, so an honest guest is never that far ahead of it.
    /// </summary>
    public const int MaxWaiting = 8 * 1024 * 1024;

    // So much is taken out before its reader is waited for.
    private const int TakenOut = 1024 * 1024;

    private const int BlockSize = 64 * 1024;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);

    /// <summary>Gets a stream of what comes. It ends with <see cref="AgentLostException"/> where too much waits for its reader.</summary>
    /// <param name="channel">The channel's stream, whose length is what waits in it; taken over.</param>
    public static Stream Read(Stream channel)
    {
        var pipe = new Pipe(
            new PipeOptions(pauseWriterThreshold: TakenOut, resumeWriterThreshold: TakenOut / 2, useSynchronizationContext: false)
        );
        BlockingThreads.Run(() => Pump(channel, pipe.Writer));
        return pipe.Reader.AsStream();
    }

    private static void Pump(Stream channel, PipeWriter to)
    {
        Exception? failure = null;
        try
        {
            while (channel.Read(to.GetSpan(BlockSize)) is > 0 and var count)
            {
                to.Advance(count);
                Task<FlushResult> flushed = to.FlushAsync(CancellationToken.None).AsTask();
                do
                {
                    if (channel.Length > MaxWaiting)
                        throw new AgentLostException($"the guest sent more than {MaxWaiting} bytes over SSH that nobody had read");
                } while (!flushed.Wait(BetweenLooks));
                if (flushed.Result.IsCompleted)
                    break;
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        to.Complete(failure);
        // From now on SSH.NET keeps nothing of what still comes.
        channel.Dispose();
    }
}
