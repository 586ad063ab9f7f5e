using System.CommandLine;
using TestHarness.Hosts;
using TestHarness.Tool.Machines;
using TestHarness.Tool.Repl;

namespace TestHarness.Tool.Commands;

/// <summary><c>testvm repl</c>: a C# prompt with a machine at hand.</summary>
internal sealed class ReplCommand : Command
{
    private readonly Argument<string?> _name = new("name")
    {
        Description = "The machine. Default: a new one, thrown away at the end.",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string?> _image = new("--image", "-i") { Description = "What the new one starts from. Default: debian-12." };

    public ReplCommand()
        : base("repl", "A C# prompt with a machine at hand as vm.")
    {
        _name.CompletionSources.Add(_ => MachineCommands.Names());
        _image.CompletionSources.Add(_ => ImageCommands.Names());
        Arguments.Add(_name);
        Options.Add(_image);
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        string? image = result.GetValue(_image);
        if (result.GetValue(_name) is not { } name)
            return await RunNewAsync(image ?? "debian-12", cancellationToken);
        if (image is not null)
            throw new ToolException(
                ExitCode.Usage,
                $"Machine '{name}' has its image; --image is for a new one.\nTry: testvm repl {name}, or testvm repl --image {image}"
            );
        return await RunNamedAsync(NamedMachine.Existing(name), cancellationToken);
    }

    private static async Task<int> RunNewAsync(string image, CancellationToken cancellationToken)
    {
        VirtualMachine vm;
        await using (var steps = new StepDisplay())
        {
            vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image }, steps, cancellationToken);
            steps.Succeed();
        }

        await using (vm)
            return await PromptAsync(vm, cancellationToken);
    }

    private static async Task<int> RunNamedAsync(NamedMachine machine, CancellationToken cancellationToken)
    {
        if (await HostClient.TryAskAsync(machine, new HostRequest("status"), cancellationToken) is not null)
            return await new CSharpPrompt(new ScriptSession(new RunningMachineGlobals(new RunningMachine(machine)))).RunAsync(
                cancellationToken
            );
        // It is this process that keeps it, and serves other commands, until the person leaves.
        await Console.Error.WriteLineAsync($"Machine '{machine.Name}' is not running: it runs until you leave.");
        Task<int>? prompt = null;
        await using var steps = new StepDisplay();
        int kept = await MachineHost.RunAsync(machine, steps, async vm =>
        {
            steps.Succeed();
            await steps.DisposeAsync();
            prompt = PromptAsync(vm, cancellationToken);
            // The machine is shut down however that ends.
            await ((Task)prompt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        if (kept == ExitCode.AlreadyRunning)
            throw new ToolException(
                ExitCode.Busy,
                $"Another command is starting machine '{machine.Name}' ({FileLock.ReadOwner(machine.HostLock)}).\nTry again when it is up."
            );
        return prompt is { IsCompleted: true } ? Math.Max(kept, await prompt) : kept;
    }

    private static Task<int> PromptAsync(VirtualMachine vm, CancellationToken cancellationToken) =>
        new CSharpPrompt(new ScriptSession(new OwnMachineGlobals(vm))).RunAsync(cancellationToken);
}
