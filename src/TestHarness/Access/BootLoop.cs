namespace TestHarness.Access;

/// <summary>Counts what a boot that gets on does once or twice: many times in a short time are a loop. Not safe for threads.</summary>
internal sealed class BootLoop(TimeProvider time)
{
    public const int Times = 15;

    private static readonly TimeSpan Within = TimeSpan.FromMinutes(1);

    private readonly Queue<long> _seen = [];

    /// <summary>Counts one more; says how often it was within which time where that is a loop.</summary>
    public string? Add()
    {
        _seen.Enqueue(time.GetTimestamp());
        while (time.GetElapsedTime(_seen.Peek()) > Within)
            _seen.Dequeue();
        if (_seen.Count < Times)
            return null;
        string text = $"{Times} times within {time.GetElapsedTime(_seen.Peek()).TotalSeconds:0.0} s";
        _seen.Clear();
        return text;
    }

    /// <summary>The guest has got on.</summary>
    public void Clear() => _seen.Clear();
}
