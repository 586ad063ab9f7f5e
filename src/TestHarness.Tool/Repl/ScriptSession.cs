using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.CSharp.Scripting.Hosting;
using Microsoft.CodeAnalysis.Scripting;

namespace TestHarness.Tool.Repl;

/// <summary>
/// C# that is run as it comes, each piece with what those before it have declared. The only type that knows the compiler, which takes its
/// time to load.
/// </summary>
internal sealed class ScriptSession
{
    private static readonly string[] Namespaces =
    [
        "System",
        "System.Collections.Generic",
        "System.IO",
        "System.Linq",
        "System.Text",
        "System.Threading.Tasks",
        "TestHarness",
    ];

    private readonly Script<object> _first;
    private readonly object _globals;
    private ScriptState<object>? _state;

    /// <summary>Begins one. Public members of <paramref name="globals"/> are at hand by their names.</summary>
    public ScriptSession(object globals)
    {
        _globals = globals;
        ScriptOptions options = ScriptOptions
            .Default.AddImports(Namespaces)
            .AddReferences(typeof(VirtualMachine).Assembly, globals.GetType().Assembly);
        _first = CSharpScript.Create<object>("", options, globals.GetType());
    }

    /// <summary>Tells whether the text is whole, or goes on in the next line.</summary>
    public static bool IsComplete(string text) =>
        SyntaxFactory.IsCompleteSubmission(SyntaxFactory.ParseSyntaxTree(text, CSharpParseOptions.Default.WithKind(SourceCodeKind.Script)));

    /// <summary>Runs nothing, so that the first piece does not wait for the compiler.</summary>
    public async Task WarmUpAsync(CancellationToken cancellationToken) => _state = await _first.RunAsync(_globals, cancellationToken);

    /// <summary>Runs a piece; what it declared before it failed stays.</summary>
    public async Task<ScriptOutcome> RunAsync(string text, CancellationToken cancellationToken)
    {
        if (_state is null)
            await WarmUpAsync(cancellationToken);
        try
        {
            _state = await _state!.ContinueWithAsync<object>(text, options: null, catchException: _ => true, cancellationToken);
        }
        catch (CompilationErrorException e)
        {
            return new ScriptOutcome("", string.Join('\n', e.Diagnostics.Select(diagnostic => diagnostic.ToString())));
        }

        return _state.Exception is { } failure
            ? new ScriptOutcome(
                "",
                failure is TestHarnessException or ToolException ? failure.Message : $"{failure.GetType().FullName}: {failure.Message}"
            )
            : new ScriptOutcome(Shown(_state.ReturnValue), Error: null);
    }

    private static string Shown(object? value) =>
        value switch
        {
            null => "",
            // As at the guest's own prompt.
            ShellResult result =>
                $"{result.StandardOutput}{result.StandardError}{(result.ExitCode == 0 ? "" : $"exit code {result.ExitCode}")}".TrimEnd(
                    '\n'
                ),
            Task => "a task, which goes on by itself: await it for its value",
            _ => CSharpObjectFormatter.Instance.FormatObject(value),
        };
}

/// <summary>What a piece of C# gave: what is shown of its value, or what was wrong.</summary>
internal sealed record ScriptOutcome(string Text, string? Error);
