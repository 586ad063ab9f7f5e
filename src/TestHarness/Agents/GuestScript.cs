using TestHarness.Text;

namespace TestHarness.Agents;

/// <summary>Runs what the library itself needs done in a guest.</summary>
internal static class GuestScript
{
    /// <summary>Runs a script with <c>/bin/sh</c> as root.</summary>
    /// <param name="agent">The guest's agent.</param>
    /// <param name="script">The script.</param>
    /// <param name="failure">What it means if it does not end with 0.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <exception cref="AgentException">It could not be started, or its exit code was not 0.</exception>
    public static async Task RunAsync(AgentConnection agent, string script, string failure, CancellationToken cancellationToken)
    {
        var output = new OutputCollector();
        AgentProcess process = await agent
            .RunAsync(new AgentCommand(["/bin/sh", "-c", script]) { TakesInput = false }, cancellationToken)
            .ConfigureAwait(false);
        await using (process.ConfigureAwait(false))
        {
            await output.CollectAsync(process.StandardOutput, process.StandardError, cancellationToken).ConfigureAwait(false);
            AgentExit exit = await process.Exit.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (exit.ShellExitCode != 0)
                throw new AgentException(0, $"{failure} (exit code {exit.ShellExitCode})")
                {
                    Output = PrintableText.Of(output.Describe()),
                    WasKilled = exit.Signal is not null,
                };
        }
    }
}
