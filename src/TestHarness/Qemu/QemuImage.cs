using TestHarness.Errors;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Qemu;

/// <summary>Runs qemu-img.</summary>
internal static class QemuImage
{
    /// <exception cref="HostNotReadyException">It failed; its words are in the message.</exception>
    public static async Task RunAsync(IReadOnlyList<string> arguments, string folder, CancellationToken cancellationToken)
    {
        HelperResult result = await HelperProgram
            .RunAsync("qemu-img", arguments, new HelperOptions { WorkingDirectory = folder }, cancellationToken)
            .ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            throw new HostNotReadyException(
                new FailureText("A disk for the machine could not be made.")
                    .Add("Command", ShellQuote.Join(["qemu-img", .. arguments]))
                    .Add("Folder", folder)
                    .Add("Standard error", result.StandardError)
            );
        }
    }
}
