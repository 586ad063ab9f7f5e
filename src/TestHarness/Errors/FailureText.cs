using System.Text;
using TestHarness.Text;

namespace TestHarness.Errors;

/// <summary>
/// Builds the message of a failure: a summary, labelled blocks, and what to try. Nothing in it acts on a terminal or a CI log, whoever
/// wrote it.
/// </summary>
internal sealed class FailureText(string summary)
{
    private readonly List<(string Label, string Text)> _blocks = [];
    private string? _outcome;
    private string? _remedy;

    public string Summary => PrintableText.Of(summary);

    /// <summary>Adds a block; one without text is left out.</summary>
    public FailureText Add(string label, string? text)
    {
        if (!string.IsNullOrWhiteSpace(text))
            _blocks.Add((label, text.TrimEnd()));
        return this;
    }

    /// <summary>
    /// The same text without the secrets. They are looked for in what was given, before anything in it is shown in another way.
    /// </summary>
    public FailureText Masked(SecretMask mask)
    {
        var masked = new FailureText(mask.Apply(summary)) { _outcome = _outcome, _remedy = _remedy is null ? null : mask.Apply(_remedy) };
        masked._blocks.AddRange(_blocks.Select(block => (block.Label, mask.Apply(block.Text))));
        return masked;
    }

    /// <summary>Says so where the failure tells nothing about what the test tests.</summary>
    public FailureText Blame(FailureOutcome outcome)
    {
        _outcome =
            outcome == FailureOutcome.InfrastructureFailed ? "infrastructure failed; it says nothing about what the test tests" : null;
        return this;
    }

    /// <summary>Says what to try; it comes last, whatever is added after it.</summary>
    public FailureText Try(string? remedy)
    {
        _remedy = remedy;
        return this;
    }

    public override string ToString()
    {
        var message = new StringBuilder(Summary);
        IEnumerable<(string Label, string? Text)> all = [.. _blocks, ("Outcome", _outcome), ("Try", _remedy)];
        foreach ((string label, string? given) in all)
        {
            if (given is null)
                continue;
            string text = PrintableText.WithoutColours(given);
            message.Append('\n').Append(label).Append(':');
            if (text.Contains('\n', StringComparison.Ordinal))
                message.Append("\n  ").Append(text.Replace("\n", "\n  ", StringComparison.Ordinal));
            else
                message.Append(' ').Append(text);
        }

        return message.ToString();
    }
}
