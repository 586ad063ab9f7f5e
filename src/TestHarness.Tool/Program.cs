using System.CommandLine;
using TestHarness;
using TestHarness.Tool;
using TestHarness.Tool.Commands;

try
{
    ParseResult parsed = CommandTree.Make(args.FirstOrDefault()).Parse(args);
    int exitCode = await parsed.InvokeAsync(
        new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            // The prompt's own machine is shut down after Ctrl-C, too.
            ProcessTerminationTimeout = TimeSpan.FromSeconds(parsed.CommandResult.Command is ReplCommand ? 300 : 2),
        }
    );
    // A mistake in the command line is said by the parser, which ends with 1 for it.
    return parsed.Errors.Count > 0 ? ExitCode.Usage : exitCode;
}
catch (ToolException e)
{
    Console.Error.WriteLine(e.Message);
    return e.ExitCode;
}
catch (HostNotReadyException e)
{
    Console.Error.WriteLine(e.Message);
    return ExitCode.Usage;
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    return ExitCode.Usage;
}
catch (Exception e) when (e is TestHarnessException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(e.Message);
    return ExitCode.Failed;
}
catch (OperationCanceledException)
{
    return 130;
}
