using System.Globalization;
using System.Text.RegularExpressions;
using TestHarness.Specs;
using TestHarness.Text;

namespace TestHarness.Machines;

/// <summary>Finds the mistakes in a set-up that would show only once a machine runs. Pure.</summary>
internal static partial class SetupCheck
{
    private const int MostSteps = 100;

    /// <summary>Says what is wrong with steps.</summary>
    /// <param name="setup">The steps.</param>
    /// <param name="access">How the machine that they are for is reached.</param>
    /// <param name="name">What the list is called where it was written.</param>
    public static IEnumerable<string> Problems(IReadOnlyList<SetupStep> setup, GuestAccess access, string name)
    {
        if (setup.Count > MostSteps)
            yield return $"{name} has {setup.Count} steps: {MostSteps} are possible.";
        if (setup.Count > 0 && access == GuestAccess.None)
            yield return $"{name} needs a guest that answers: GuestAccess is None.";
        foreach ((int index, SetupStep step) in setup.Index())
        {
            if (step.Timeout <= TimeSpan.Zero)
                yield return $"{name}[{index}]: Timeout is {step.Timeout}: it must be more than 0.";
            foreach (
                string problem in step.IsOfCluster ? ["On and WaitUntil are steps of a cluster: ClusterSpec.Setup."] : ProblemsOf(step)
            )
                yield return $"{name}[{index}]: {problem}";
        }
    }

    private static IEnumerable<string> ProblemsOf(SetupStep step) =>
        step switch
        {
            InstallStep { Packages.Count: 0 } => ["Install has no package."],
            InstallStep install => install
                .Packages.Where(package => !PackageName().IsMatch(package))
                .Select(package => $"\"{package}\" is no package's name: small letters, digits, '+', '-' and '.', a version after a '='."),
            PushStep { HostPath: "" } => ["Push has an empty path of the host."],
            PushStep { Options.DryRun: true } => ["Push with DryRun would change nothing: leave it out."],
            PushStep push => PathProblems("Push", push.GuestPath),
            WriteStep write => PathProblems("Write", write.GuestPath),
            DoStep own when string.IsNullOrWhiteSpace(own.Label) => ["Do has an empty label, which is its key."],
            RunStep run when string.IsNullOrWhiteSpace(run.Command) => ["Run has an empty command."],
            RunStep run when run.Command.Contains('\0', StringComparison.Ordinal) => ["Run has a zero character in its command."],
            WaitStep { Kind: WaitKind.Port, Subject: var port }
                when int.Parse(port, CultureInfo.InvariantCulture) is < 1 or > ushort.MaxValue =>
            [
                $"WaitForPort: {port} is not 1 to 65535.",
            ],
            WaitStep { Kind: WaitKind.File } file => PathProblems("WaitForFile", file.Subject),
            WaitStep { Kind: WaitKind.Http } http when !IsHttp(http.Subject) =>
            [
                $"WaitForHttp: \"{http.Subject}\" is no address such as http://127.0.0.1:8080/.",
            ],
            WaitStep { Subject: "" } wait => [$"WaitFor{wait.Kind} has nothing to wait for."],
            _ => [],
        };

    private static bool IsHttp(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) && uri.Scheme == Uri.UriSchemeHttp && uri.Host.Length > 0;

    private static string[] PathProblems(string step, string path) =>
        GuestPath.IsAbsolute(path) ? [] : [$"{step}: \"{path}\" is not an absolute path in the guest."];

    // Debian Policy, 5.6.1 (names) and 5.6.12 (versions).
    [GeneratedRegex(@"\A[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+)?\z")]
    private static partial Regex PackageName();
}
