using TestHarness.Errors;
using TestHarness.Hosts;

namespace TestHarness.Images;

/// <summary>Asks the host's apt where packages come from.</summary>
internal sealed record HostPackages(IReadOnlyList<string> Sources, IReadOnlyList<string> Transport)
{
    /// <exception cref="ImageException">Nobody has the recipe's suite.</exception>
    public static async Task<HostPackages> FindAsync(string image, Recipe recipe, CancellationToken cancellationToken)
    {
        string targets = await AskAsync("apt-get", ["indextargets", "--format", PackageSources.TargetFormat], cancellationToken)
            .ConfigureAwait(false);
        IReadOnlyList<string> sources = PackageSources.Select(targets, EnvironmentVariables.Mirror, recipe.Distribution, recipe.Suite);
        if (sources.Count == 0)
        {
            string known = string.Join(
                ", ",
                targets
                    .Split('\n')
                    .Select(line => line.Split('|'))
                    .Where(target => target.Length == 6)
                    .Select(target => $"{target[1]} {target[2]}")
                    .Distinct(StringComparer.Ordinal)
            );
            throw new ImageException(
                image,
                new FailureText($"Image '{image}': there is no package source for {recipe.Distribution} {recipe.Suite}.")
                    .Add("The host's sources have", known.Length > 0 ? known : "nothing; apt's lists are empty")
                    .Try(
                        $"sudo apt-get update, where the host itself is {recipe.Distribution} {recipe.Suite}; else set "
                            + "TESTHARNESS_MIRROR to the address of a mirror that has it."
                    )
            );
        }

        string configuration = await AskAsync("apt-config", ["dump"], cancellationToken).ConfigureAwait(false);
        return new HostPackages(sources, PackageSources.SelectTransport(configuration));
    }

    private static async Task<string> AskAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        // mmdebstrap needs apt, so it is there wherever an image can be built; a host that only lacks sources is told so by the caller.
        HelperResult result = await HelperProgram.RunAsync(program, arguments, null, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0 ? result.StandardOutput : "";
    }
}
