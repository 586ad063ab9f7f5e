namespace TestHarness.Screens;

/// <summary>The last few pictures of a screen that differ from each other.</summary>
internal sealed class FrameHistory
{
    public const int Kept = 5;

    private readonly Lock _gate = new();
    private readonly List<Screenshot> _frames = [];

    /// <summary>Adds a picture as the newest; one that is there already moves to the end.</summary>
    public void Add(Screenshot frame)
    {
        lock (_gate)
        {
            _frames.RemoveAll(known => known.Pixels.Equals(frame.Pixels));
            _frames.Add(frame);
            if (_frames.Count > Kept)
                _frames.RemoveAt(0);
        }
    }

    /// <summary>The pictures, oldest first.</summary>
    public IReadOnlyList<Screenshot> ToList()
    {
        lock (_gate)
            return [.. _frames];
    }
}
