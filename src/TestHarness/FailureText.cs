using System.Text;
using TestHarness.Evidence;

namespace TestHarness;

/// <summary>Builds the message of a failure: a summary, labelled blocks, and what to try. Nothing in it acts on a terminal or a CI log, whoever wrote it.</summary>
internal sealed class FailureText(string summary)
{
    private readonly List<(string Label, string Text)> _blocks = [];

    public string Summary => PrintableText.Of(summary);

    /// <summary>Adds a block; one without text is left out.</summary>
    public FailureText Add(string label, string? text)
    {
        if (!string.IsNullOrWhiteSpace(text))
            _blocks.Add((label, PrintableText.Of(text.TrimEnd())));
        return this;
    }

    /// <summary>The same text without the secrets.</summary>
    public FailureText Masked(SecretMask mask)
    {
        var masked = new FailureText(mask.Apply(summary));
        masked._blocks.AddRange(_blocks.Select(block => (block.Label, mask.Apply(block.Text))));
        return masked;
    }

    public FailureText Try(string? remedy) => Add("Try", remedy);

    public override string ToString()
    {
        var message = new StringBuilder(Summary);
        foreach ((string label, string text) in _blocks)
        {
            message.Append('\n').Append(label).Append(':');
            if (text.Contains('\n', StringComparison.Ordinal))
                message.Append("\n  ").Append(text.Replace("\n", "\n  ", StringComparison.Ordinal));
            else
                message.Append(' ').Append(text);
        }

        return message.ToString();
    }
}
