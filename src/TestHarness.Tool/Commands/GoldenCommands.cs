using System.CommandLine;
using System.Text.Json;
using TestHarness.Goldens;
using TestHarness.Tool.Machines;

namespace TestHarness.Tool.Commands;

/// <summary>Goldens that tests did not match, or do not need.</summary>
internal static class GoldenCommands
{
    private static readonly Argument<string> Folder = new("folder")
    {
        Description = "Where to look, with all below it: a checkout, or what CI left. Default: this folder.",
        DefaultValueFactory = _ => ".",
    };

    private static readonly Option<string?> Into = new("--into")
    {
        Description = "The checkout with the goldens, where the folder is not in it, such as an artefact of CI.",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "As JSON, for programs." };

    public static Command All() =>
        new("goldens", "Goldens that tests did not match, or do not need.") { List(), Difference(), Accept(), Unused() };

    private static Command List() =>
        Make("list", "Lists what tests received in place of their goldens.", [Folder, Into, Json], (result, folder) =>
        {
            IReadOnlyList<ReceivedGolden> all = ReceivedFiles.List(folder, Checkout(result));
            if (result.GetValue(Json))
                Console.Out.WriteLine(JsonSerializer.Serialize(all, ToolJson.Default.IReadOnlyListReceivedGolden));
            foreach (ReceivedGolden received in result.GetValue(Json) ? [] : all)
                Say(received, received.File);
            return 0;
        });

    private static Command Difference()
    {
        var open = new Option<bool>("--open") { Description = "Opens each in the diff tool that DiffEngine finds." };
        return Make(
            "diff",
            "Shows how what tests received differs from the goldens: texts line by line, pictures in words and as a picture beside them.",
            [Folder, Into, open],
            (result, folder) =>
            {
                foreach (ReceivedGolden received in ReceivedFiles.List(folder, Checkout(result)))
                {
                    Say(received, received.File);
                    if (!received.IsChange)
                        continue;
                    (string words, string? picture) = ReceivedDifference.Of(received);
                    Console.Out.Write(words);
                    if (picture is not null)
                        Console.Out.WriteLine($"expected, actual, difference: {Shown(picture)}");
                    Console.Out.WriteLine();
                    if (result.GetValue(open))
                        DiffTool.Open(received.File, received.Golden!);
                }

                return 0;
            }
        );
    }

    private static Command Accept() => Make("accept", "Makes what tests received the goldens.", [Folder, Into], (result, folder) =>
        {
            string? checkout = Checkout(result);
            ReceivedGolden[] lost = [.. ReceivedFiles.List(folder, checkout).Where(received => received.Golden is null)];
            // Before it is done: what is a change then is none afterwards.
            foreach (ReceivedGolden received in ReceivedFiles.List(folder, checkout).Except(lost))
                Say(received, received.Golden!);
            ReceivedFiles.Accept(folder, checkout);
            foreach (ReceivedGolden received in lost)
                Console.Error.WriteLine(
                    $"left     {Shown(received.File)}: '{checkout}' has neither one golden of that name nor one source file of its class"
                );
            return lost.Length > 0 ? ExitCode.Failed : 0;
        });

    private static Command Unused() =>
        Make(
            "unused",
            "Lists goldens whose class, method or name no source beside them has. A name made at run time is not seen: the list "
                + "at the end of a whole run is.",
            [Folder, Json],
            (result, folder) =>
            {
                IReadOnlyList<UnknownGolden> all = GoldenSources.FindUnknown(folder);
                if (result.GetValue(Json))
                    Console.Out.WriteLine(JsonSerializer.Serialize(all, ToolJson.Default.IReadOnlyListUnknownGolden));
                foreach (UnknownGolden golden in result.GetValue(Json) ? [] : all)
                    Console.Out.WriteLine($"{Shown(golden.File)}: {golden.Reason} there");
                return 0;
            }
        );

    private static Command Make(string name, string description, Symbol[] symbols, Func<ParseResult, string, int> act)
    {
        var command = new Command(name, description);
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Arguments.Add(argument);
            else
                command.Options.Add((Option)symbol);
        }

        command.SetAction(result => act(result, Existing(result.GetValue(Folder)!)));
        return command;
    }

    private static void Say(ReceivedGolden received, string file) =>
        Console.Out.WriteLine($"{(received.IsChange ? "changed" : "new"), -8} {Shown(file)}");

    private static string Shown(string file) => Path.GetRelativePath(".", file);

    private static string? Checkout(ParseResult result) => result.GetValue(Into) is { } into ? Existing(into) : null;

    private static string Existing(string folder) =>
        Directory.Exists(folder) ? folder : throw new ToolException(ExitCode.Usage, $"There is no folder '{folder}'.");
}
