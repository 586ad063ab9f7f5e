namespace TestHarness.Networks.Ethernet;

/// <summary>What a port has carried. Each figure is read as it is at the moment.</summary>
internal sealed class PortCounters
{
    private readonly long[] _drops = new long[Enum.GetValues<DropCause>().Length];
    private long _framesIn;
    private long _bytesIn;
    private long _framesOut;
    private long _bytesOut;

    /// <summary>Gets the frames that came from the machine.</summary>
    public long FramesIn => Interlocked.Read(ref _framesIn);

    public long BytesIn => Interlocked.Read(ref _bytesIn);

    /// <summary>Gets the frames that went to the machine.</summary>
    public long FramesOut => Interlocked.Read(ref _framesOut);

    public long BytesOut => Interlocked.Read(ref _bytesOut);

    /// <summary>Gets how many frames did not go to the machine, or came from it and went nowhere.</summary>
    public long Dropped(DropCause cause) => Interlocked.Read(ref _drops[(int)cause]);

    public void NoteIn(int frames, long bytes)
    {
        Interlocked.Add(ref _framesIn, frames);
        Interlocked.Add(ref _bytesIn, bytes);
    }

    public void NoteOut(int frames, long bytes)
    {
        Interlocked.Add(ref _framesOut, frames);
        Interlocked.Add(ref _bytesOut, bytes);
    }

    public void NoteDrop(DropCause cause, int frames) => Interlocked.Add(ref _drops[(int)cause], frames);
}
