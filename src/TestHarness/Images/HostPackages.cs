using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>Asks the host's apt where packages come from.</summary>
/// <param name="Sources">Lines as in sources.list(5); none where nobody has the suite.</param>
/// <param name="Transport">How packages are fetched, as lines of apt.conf(5).</param>
/// <param name="Known">What the host's own sources have, in words.</param>
internal sealed record HostPackages(IReadOnlyList<string> Sources, IReadOnlyList<string> Transport, string Known)
{
    /// <exception cref="ImageException">Nobody has the recipe's suite.</exception>
    public static async Task<HostPackages> FindAsync(string image, Recipe recipe, CancellationToken cancellationToken)
    {
        HostPackages found = await FindAsync(recipe.Distribution, recipe.Suite, cancellationToken).ConfigureAwait(false);
        return found.Sources.Count > 0
            ? found
            : throw new ImageException(
                image,
                new FailureText($"Image '{image}': there is no package source for {recipe.Distribution} {recipe.Suite}.")
                    .Add("The host's sources have", found.Known)
                    .Try(Remedy(recipe.Distribution, recipe.Suite))
            );
    }

    /// <summary>Finds the sources of a distribution's suite, or none.</summary>
    public static async Task<HostPackages> FindAsync(string distribution, string suite, CancellationToken cancellationToken)
    {
        string targets = await AskAsync("apt-get", ["indextargets", "--format", PackageSources.TargetFormat], cancellationToken)
            .ConfigureAwait(false);
        IReadOnlyList<string> sources = PackageSources.Select(targets, EnvironmentVariables.Mirror, distribution, suite);
        string known = string.Join(
            ", ",
            targets
                .Split('\n')
                .Select(line => line.Split('|'))
                .Where(target => target.Length == 6)
                .Select(target => $"{target[1]} {target[2]}")
                .Distinct(StringComparer.Ordinal)
        );
        string configuration = await AskAsync("apt-config", ["dump"], cancellationToken).ConfigureAwait(false);
        return new HostPackages(
            sources,
            PackageSources.SelectTransport(configuration),
            known.Length > 0 ? known : "nothing; apt's lists are empty"
        );
    }

    /// <summary>What to do where nobody has a suite.</summary>
    public static string Remedy(string distribution, string suite) =>
        $"sudo apt-get update, where the host itself is {distribution} {suite}; else set TESTHARNESS_MIRROR to the address of a mirror "
        + "that has it.";

    private static async Task<string> AskAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        // mmdebstrap needs apt, so it is there wherever an image can be built; a host that only lacks sources is told so by the caller.
        HelperResult result = await HelperProgram.RunAsync(program, arguments, null, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? result.StandardOutput : "";
    }
}
