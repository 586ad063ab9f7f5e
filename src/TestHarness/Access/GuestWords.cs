using System.Globalization;
using System.Text;
using TestHarness.Text;

namespace TestHarness.Access;

/// <summary>What the guest's part of a transfer has to say: the beginning and the end of it. One that says too much is ended.</summary>
internal sealed class GuestWords
{
    /// <summary>How many bytes it may say.</summary>
    public const int Most = 16 * 1024 * 1024;

    private const int KeptAtEitherEnd = 32 * 1024;

    private readonly Lock _gate = new();
    private readonly HeadAndTail _words = new(KeptAtEitherEnd, KeptAtEitherEnd);

    public bool IsTooMuch { get; private set; }

    public string Text
    {
        get
        {
            lock (_gate)
            {
                string text = Encoding.UTF8.GetString(_words.ToMemory().Span);
                return IsTooMuch
                    ? string.Create(CultureInfo.InvariantCulture, $"{text}\nthe guest sent more than {Most} bytes of messages\n")
                    : text;
            }
        }
    }

    /// <summary>Collects up to the stream's end; at too much it has <paramref name="transfer"/> end.</summary>
    public async Task CollectAsync(Stream from, CancellationTokenSource transfer)
    {
        var buffer = new byte[16 * 1024];
        int count;
        while ((count = await from.ReadAsync(buffer, transfer.Token).ConfigureAwait(false)) > 0)
        {
            lock (_gate)
            {
                _words.Append(buffer.AsSpan(0, count));
                IsTooMuch = _words.Length > Most;
            }

            if (!IsTooMuch)
                continue;
            await transfer.CancelAsync().ConfigureAwait(false);
            return;
        }
    }
}
