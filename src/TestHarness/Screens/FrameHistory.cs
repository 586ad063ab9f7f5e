using System.Security.Cryptography;

namespace TestHarness.Screens;

/// <summary>The last few pictures of a screen that differ from each other.</summary>
internal sealed class FrameHistory
{
    public const int Kept = 5;

    private readonly Lock _gate = new();
    private readonly List<(string Hash, Screenshot Frame)> _frames = [];

    /// <summary>Adds a picture as the newest; one that is there already moves to the end.</summary>
    public void Add(Screenshot frame)
    {
        string hash = Convert.ToHexString(SHA256.HashData(frame.Png.Span));
        lock (_gate)
        {
            _frames.RemoveAll(known => known.Hash == hash);
            _frames.Add((hash, frame));
            if (_frames.Count > Kept)
                _frames.RemoveAt(0);
        }
    }

    /// <summary>The pictures, oldest first.</summary>
    public IReadOnlyList<Screenshot> ToList()
    {
        lock (_gate)
            return [.. _frames.Select(known => known.Frame)];
    }
}
