using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace TestHarness.Tool;

/// <summary>The help of a command as it comes, and below it the command as people write it.</summary>
internal sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int exitCode = help.Invoke(parseResult);
        if (Examples.Of(parseResult.CommandResult.Command) is not { Count: > 0 } examples)
            return exitCode;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples)
            output.WriteLine($"  {example}");
        output.WriteLine();
        return exitCode;
    }
}
