using System.CommandLine;
using System.CommandLine.Help;
using TestHarness.Tool.Commands;

namespace TestHarness.Tool;

/// <summary>All commands, and the help of each with its examples.</summary>
internal static class CommandTree
{
    public static RootCommand Make()
    {
        var root = new RootCommand("testvm: real virtual machines for the local dev loop; the same that TestHarness gives to tests.");
        foreach (Command command in (Command[])[.. MachineCommands.All(), .. AccessCommands.All(), .. ImageCommands.All(), .. HostCommands.All(), .. EvidenceCommands.All(), new ReplCommand(), CompletionCommand.Make()])
            root.Subcommands.Add(command);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }
}
