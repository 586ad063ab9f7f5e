using TestHarness.Clusters;
using TestHarness.Networks;
using TestHarness.Networks.Ethernet;
using TestHarness.Text;

namespace TestHarness;

public sealed partial class ClusterNetwork
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(50);

    private long _searchFrom;

    /// <summary>Finds packets among those that are kept by now (<see cref="NetworkSpec.CaptureMiB"/>).</summary>
    /// <param name="match">Which ones.</param>
    /// <returns>The packets, the oldest first. They are read while they are asked for.</returns>
    /// <exception cref="ArgumentException">No packet can be so, or a machine is not on the network.</exception>
    /// <exception cref="InvalidOperationException">The network keeps none.</exception>
    public IEnumerable<CapturedPacket> FindPackets(PacketMatch match)
    {
        Check(match);
        return FindKept(match);
    }

    /// <summary>
    /// Waits until a packet comes. The search begins behind the packet that the last wait found, the first one at the oldest that is kept;
    /// so a packet counts that came before the call. Waits that go on at the same time take no packets from each other.
    /// </summary>
    /// <remarks>
    /// A packet is seen when its sender's card sends it, also where it is lost later. Of a flood that is quicker than the search, what
    /// <see cref="NetworkSpec.CaptureMiB"/> has no room for is not found; the failure tells how much that was.
    /// </remarks>
    /// <param name="match">Which one.</param>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The packet.</returns>
    /// <exception cref="ArgumentException">No packet can be so, or a machine is not on the network.</exception>
    /// <exception cref="InvalidOperationException">The network keeps none.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out. The message has what was seen.</exception>
    /// <exception cref="MachineExitedException">The machine that was to send it has ended.</exception>
    /// <exception cref="ObjectDisposedException">The cluster ended; thrown at once.</exception>
    public Task<CapturedPacket> WaitForPacketAsync(
        PacketMatch match,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        Check(match);
        string waitedFor = $"network '{Name}' to carry {match}";
        PacketSearch search = Search(match, SearchFrom());
        return GuardAsync(
            waitedFor,
            match.From ?? match.To,
            timeout,
            async token =>
            {
                CapturedPacket found = await WaitAsync(search, MemberOf(match.From)?.Machine, waitedFor, token).ConfigureAwait(false);
                SearchNextFrom(search.Place);
                return found;
            },
            () => search.Seen,
            cancellationToken
        );
    }

    private async Task<CapturedPacket> WaitAsync(
        PacketSearch search,
        VirtualMachine? sender,
        string waitedFor,
        CancellationToken cancellationToken
    )
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, sender?.Ended ?? CancellationToken.None);
        while (true)
        {
            // Before the search: what it sent is found also where it has ended since.
            MachineExit? exit = sender?.Exit;
            long began = _time.GetTimestamp();
            // Apart, for a user's code may be asked, which may take its time.
            CapturedPacket? found = await BlockingThreads
                .RunAsync(() => search.Next(Capture.End, cancellationToken))
                .WaitAsync(cancellationToken)
                .ConfigureAwait(false);
            if (found is not null)
                return found;
            if (exit is not null)
                throw new MachineExitedException(sender!.Operations.Facts(), exit, waitedFor);
            // Of a flood not each frame by itself; the costlier the search, the fewer searches.
            TimeSpan pause = _time.GetElapsedTime(began) * 4;
            await search.Grown.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _time
                .Delay(TimeSpan.FromTicks(Math.Clamp(pause.Ticks, ShortestPause.Ticks, LongestPause.Ticks)), cancellationToken)
                .ConfigureAwait(false);
        }
    }

    private IEnumerable<CapturedPacket> FindKept(PacketMatch match)
    {
        PacketSearch search = Search(match, from: 0);
        // Not for ever, where they come as fast as they are read.
        long until = Capture.End;
        while (search.Next(until, CancellationToken.None) is { } found)
            yield return found;
    }

    private PacketSearch Search(PacketMatch match, long from)
    {
        (IReadOnlyList<string> senders, Dictionary<MacAddress, string> receivers) = ReadNames();
        return new PacketSearch(Capture, Decode, match, from);

        CapturedPacket Decode(CapturedFrame frame)
        {
            // A machine has joined meanwhile.
            if (frame.Port >= senders.Count)
                (senders, receivers) = ReadNames();
            string? to =
                frame.Bytes.Length >= EthernetFrame.Header ? receivers.GetValueOrDefault(EthernetFrame.TargetOf(frame.Bytes)) : null;
            return PacketDecoder.Decode(frame, senders[frame.Port], to);
        }
    }

    private (IReadOnlyList<string> Senders, Dictionary<MacAddress, string> Receivers) ReadNames() =>
        (Switch.Names, Members().ToDictionary(member => member.Cards.First(card => card.Network == Name).Mac, member => member.Name));

    private void Check(PacketMatch match)
    {
        ArgumentNullException.ThrowIfNull(match);
        Require([.. ((string?[])[match.From, match.To]).OfType<string>()]);
        int[] ports = [.. ((int?[])[match.FromPort, match.ToPort]).OfType<int>()];
        if (Array.Find(ports, port => port is < 0 or > ushort.MaxValue) is not 0 and var wrong)
            throw new ArgumentException(FormattableString.Invariant($"{wrong} is no port: 0 to 65535 are possible."), nameof(match));
        if (ports.Length > 0 && match.Protocol is { } protocol and not (PacketProtocol.Tcp or PacketProtocol.Udp))
            throw new ArgumentException($"{protocol} has no ports: leave out the port, or ask for Tcp or Udp.", nameof(match));
        if (Spec.CaptureMiB == 0)
            throw new InvalidOperationException($"Network '{Name}' keeps no packets: give it a NetworkSpec.CaptureMiB of 1 or more.");
    }

    private long SearchFrom()
    {
        lock (_gate)
            return _searchFrom;
    }

    private void SearchNextFrom(long end)
    {
        lock (_gate)
            _searchFrom = Math.Max(_searchFrom, end);
    }
}
