using System.Security.Cryptography;
using System.Text;
using TestHarness.Errors;
using TestHarness.Specs;

namespace TestHarness.Templates;

/// <summary>
/// Says which starts may share the layers of a set-up: each layer's key is a hash of the key below it and of the step's own content.
/// </summary>
internal static class LayerKeys
{
    // Counts up when a step does something else than before.
    private const string Layout = "1";

    /// <summary>Makes the keys of a machine's set-up, the first step's first.</summary>
    /// <param name="below">The key of the template that has booted.</param>
    /// <param name="setup">The steps.</param>
    /// <exception cref="ArgumentException">What a step pushes can't be read.</exception>
    public static IReadOnlyList<string> Make(string below, IReadOnlyList<SetupStep> setup)
    {
        var keys = new List<string>();
        foreach ((int index, SetupStep step) in setup.Index())
        {
            string[] parts = [Layout, keys.LastOrDefault() ?? below, .. ContentOf(step, index)];
            keys.Add(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))))[..16]);
        }

        return keys;
    }

    /// <summary>Gets all that decides what a step leaves in the guest.</summary>
    /// <param name="step">The step.</param>
    /// <param name="index">Its place in the set-up, from 0.</param>
    /// <exception cref="ArgumentException">What it pushes can't be read.</exception>
    public static string[] ContentOf(SetupStep step, int index)
    {
        if (step is OnStep on)
            return [nameof(on), on.Machine, .. ContentOf(on.Step, index)];
        string[] content = [.. step.Content.Select(part => part ?? "-")];
        return step is PushStep push ? [.. content, HashOf(push, index)] : content;
    }

    /// <summary>Where a push's source is; with its trailing slash.</summary>
    public static string SourceOf(PushStep push) => OwnPath.Find(push.HostPath, Path.Exists);

    private static string HashOf(PushStep push, int index)
    {
        string source = SourceOf(push);
        try
        {
            return TreeHash.Of(source, push.Options.Links == SymbolicLinks.Follow);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FailureText text = new FailureText($"Step {index + 1} of the set-up ({push.Title}) has nothing to push: {e.Message}").Try(
                Path.Exists(source) ? null : OwnPath.RemedyFor(push.HostPath)
            );
            throw new ArgumentException(text.ToString(), e);
        }
    }
}
