using System.Net.Sockets;
using System.Text;

namespace TestHarness.Machines;

/// <summary>
/// Lets a person go back to what was before the step that failed, or run that again: a connection sends <c>back</c> or <c>again</c> and a
/// line end, and is told what came of it.
/// </summary>
internal sealed class HeldSteps(TestSteps steps, TestStep step)
{
    public const string Back = "back";
    public const string Again = "again";

    private const int LongestWord = 16;

    private int _busy;

    public async Task ServeAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var word = new byte[LongestWord];
        int count = 0,
            read;
        while (
            count < word.Length
            && !word.AsSpan(0, count).Contains((byte)'\n')
            && (read = await stream.ReadAsync(word.AsMemory(count), cancellationToken).ConfigureAwait(false)) > 0
        )
            count += read;
        string wanted = Encoding.UTF8.GetString(word, 0, count).Trim();
        if (wanted is not (Back or Again))
        {
            await TellAsync($"\"{wanted}\" is not known: send {Back} or {Again}.").ConfigureAwait(false);
            return;
        }

        if (Interlocked.Exchange(ref _busy, 1) == 1)
        {
            await TellAsync("Somebody else is at it: try again when that has ended.").ConfigureAwait(false);
            return;
        }

        try
        {
            await steps.GoBackAsync(step, cancellationToken).ConfigureAwait(false);
            await TellAsync($"The machine is as it was before {step}.").ConfigureAwait(false);
            if (wanted == Back)
                return;
            await step.Act().WaitAsync(cancellationToken).ConfigureAwait(false);
            await TellAsync($"{step} succeeds now.").ConfigureAwait(false);
        }
        catch (Exception e) when (e is not IOException && !cancellationToken.IsCancellationRequested)
        {
            // Whatever a test's code throws is what the person asked for.
            await TellAsync($"{e.GetType().Name}: {e.Message}").ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }

        async Task TellAsync(string text) =>
            await stream.WriteAsync(Encoding.UTF8.GetBytes($"{text}\n"), cancellationToken).ConfigureAwait(false);
    }
}
