using System.CommandLine;
using System.CommandLine.Help;
using TestHarness.Tool.Commands;

namespace TestHarness.Tool;

/// <summary>All commands, and the help of each with its examples.</summary>
internal static class CommandTree
{
    /// <summary>
    /// Makes them all; for the one that scripts run most, which is to be over at once, none that has nothing to do with it.
    /// </summary>
    /// <param name="first">The first word of the command line.</param>
    public static RootCommand Make(string? first = null)
    {
        var root = new RootCommand("testvm: real virtual machines for the local dev loop; the same that TestHarness gives to tests.");
        foreach (Command command in first == "shell" ? AccessCommands.All() : Everything())
            root.Subcommands.Add(command);
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    private static IEnumerable<Command> Everything() =>
        [
            .. MachineCommands.All(),
            .. AccessCommands.All(),
            .. ImageCommands.All(),
            SavedCommands.Make(),
            .. HostCommands.All(),
            .. EvidenceCommands.All(),
            new ReplCommand(),
            CompletionCommand.Make(),
        ];
}
