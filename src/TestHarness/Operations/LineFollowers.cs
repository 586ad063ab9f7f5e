using System.Collections.Immutable;
using TestHarness.Text;

namespace TestHarness.Operations;

/// <summary>Those who follow what a machine writes. Each is told apart from the others, and nothing of the machine waits for one.</summary>
/// <param name="failed">Told what a follower has thrown, once each.</param>
internal sealed class LineFollowers(Action<Exception> failed)
{
    private ImmutableList<(Delegate Follower, Receiver<string> Receiver)> _all = [];

    public bool IsEmpty => _all.IsEmpty;

    /// <summary>Adds one.</summary>
    /// <param name="follower">Who it is, for <see cref="Remove"/>.</param>
    /// <param name="tell">Tells it a line.</param>
    public void Add(Delegate follower, Action<string> tell)
    {
        var told = new Receiver<string>(Telling(tell), line => line.Length) { ForMissed = (lost, _) => $"[… {lost} lines dropped …]" };
        ImmutableInterlocked.Update(ref _all, (all, entry) => all.Add(entry), (follower, told));
    }

    public void Remove(Delegate? follower) =>
        ImmutableInterlocked.Update(ref _all, all =>
            all.FindLastIndex(entry => Equals(entry.Follower, follower)) is var index and >= 0 ? all.RemoveAt(index) : all
        );

    /// <summary>Hands a line on.</summary>
    public void Tell(string line)
    {
        foreach ((_, Receiver<string> receiver) in _all)
            receiver.Offer(line);
    }

    /// <summary>Waits a moment for those who are not through with the lines that came.</summary>
    public Task SettleAsync() => _all.IsEmpty ? Task.CompletedTask : Task.WhenAll(_all.Select(entry => entry.Receiver.SettleAsync()));

    // One line that a follower can't take says nothing of the next.
    private Action<string> Telling(Action<string> tell)
    {
        bool told = false;
        return line =>
        {
            try
            {
                tell(line);
            }
            catch (Exception e)
            {
                if (!told)
                    failed(e);
                told = true;
            }
        };
    }
}
