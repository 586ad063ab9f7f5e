using System.CommandLine;
using TestHarness;
using TestHarness.Tool;
using TestHarness.Tool.Commands;

var root = new RootCommand("testvm: real virtual machines for the local dev loop; the same that TestHarness gives to tests.");
foreach (Command command in (Command[])[.. MachineCommands.All(), .. AccessCommands.All(), .. ImageCommands.All(), .. HostCommands.All(), .. EvidenceCommands.All()])
    root.Subcommands.Add(command);
try
{
    ParseResult parsed = root.Parse(args);
    int exitCode = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
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
