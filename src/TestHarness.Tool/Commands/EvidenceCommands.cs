using System.CommandLine;
using System.Net.Sockets;
using System.Text;
using TestHarness.Commands;
using TestHarness.Hosts;
using TestHarness.Text;

namespace TestHarness.Tool.Commands;

/// <summary>What tests left for a person: machines that are held, evidence, and goldens that are to be looked at.</summary>
internal static class EvidenceCommands
{
    public static IEnumerable<Command> All() => [Attach(), Artifacts(), GoldenCommands.All()];

    private static Command Attach()
    {
        var number = new Argument<int?>("number")
        {
            Description = "Which, of those that are listed without it.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var console = new Option<bool>("--console") { Description = "The serial console, in place of a shell." };
        var step = new Option<string?>("--step")
        {
            Description = "back: to what was before the step that failed; again: runs that step once more.",
        };
        step.AcceptOnlyFromAmong("back", "again");
        var command = new Command("attach", "Lists the machines that tests hold (TESTHARNESS_HOLD), and joins one.")
        {
            number,
            console,
            step,
        };
        command.SetAction(
            async (result, token) =>
            {
                string[] holds =
                [
                    .. Directory
                        .GetFiles(
                            RunFolder.ForUser(),
                            "held",
                            new EnumerationOptions
                            {
                                RecurseSubdirectories = true,
                                MaxRecursionDepth = 3,
                                IgnoreInaccessible = true,
                            }
                        )
                        .Order(StringComparer.Ordinal),
                ];
                if (result.GetValue(number) is not { } wanted)
                {
                    Table.Write(
                        ["NUMBER", "SHELL", "RELEASE"],
                        holds.Select(
                            (file, index) =>
                                (IReadOnlyList<string>)[$"{index + 1}", Path.Combine(Path.GetDirectoryName(file)!, "shell"), $"rm {file}"]
                        )
                    );
                    return 0;
                }

                if (wanted < 1 || wanted > holds.Length)
                    throw new ToolException(
                        ExitCode.UnknownMachine,
                        $"No machine {wanted} is held: there are {holds.Length}.\nTry: testvm attach"
                    );
                string folder = Path.GetDirectoryName(holds[wanted - 1])!;
                if (result.GetValue(step) is { } word)
                    await SendAsync(Path.Combine(folder, "step"), word, token);
                else
                    await JoinAsync(Path.Combine(folder, result.GetValue(console) ? "console" : "shell"), token);
                return 0;
            }
        );
        return command;
    }

    private static async Task SendAsync(string path, string word, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
            throw new ToolException(ExitCode.Usage, "No step of its test failed that has a checkpoint before it (vm.StepAsync).");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        using var stream = new NetworkStream(socket);
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"{word}\n"), cancellationToken);
        using Stream output = Console.OpenStandardOutput();
        await stream.CopyToAsync(output, cancellationToken);
    }

    private static async Task JoinAsync(string path, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        using var stream = new NetworkStream(socket);
        using CallerTerminal? terminal = CallerTerminal.TryTake((_, _) => { });
        if (terminal is not null)
            await CallerJoin.TellAsync(path);
        using var join = new CallerJoin(terminal is not null);
        _ = join.PassOnAsync(
            stream.WriteAsync,
            () =>
            {
                socket.Shutdown(SocketShutdown.Send);
                return ValueTask.CompletedTask;
            },
            cancellationToken
        );
        using Stream output = Console.OpenStandardOutput();
        await Task.WhenAny(stream.CopyToAsync(output, cancellationToken), join.Left);
    }

    private static Command Artifacts()
    {
        var folder = new Argument<string?>("folder")
        {
            Description = "Evidence to show; or where to look for some. Default: this folder, or TESTHARNESS_ARTIFACTS.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("artifacts", "Lists the evidence of failed tests, or shows one bundle.") { folder };
        command.SetAction(
            async (result, _) =>
            {
                string where = result.GetValue(folder) ?? EnvironmentVariables.Artifacts ?? ".";
                if (File.Exists(Path.Combine(where, "events.jsonl")))
                {
                    foreach (string file in Directory.GetFiles(where).Order(StringComparer.Ordinal))
                        await Console.Out.WriteLineAsync(file);
                    return 0;
                }

                if (!Directory.Exists(where))
                    throw new ToolException(ExitCode.Usage, $"There is no folder '{where}'.");
                string[] bundles =
                [
                    .. Directory
                        .EnumerateFiles(where, "events.jsonl", SearchOption.AllDirectories)
                        .Select(file => Path.GetDirectoryName(file)!)
                        .OrderByDescending(Directory.GetLastWriteTimeUtc),
                ];
                Table.Write(
                    ["AGE", "EVIDENCE"],
                    bundles.Select(bundle =>
                        (IReadOnlyList<string>)
                            [
                                Table.Age(Clock.System.GetUtcNow().UtcDateTime - Directory.GetLastWriteTimeUtc(bundle)),
                                Path.GetRelativePath(".", bundle),
                            ]
                    )
                );
                return 0;
            }
        );
        return command;
    }
}
