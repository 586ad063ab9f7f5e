using System.CommandLine;

namespace TestHarness.Tool.Commands;

/// <summary>
/// <c>testvm completion SHELL</c>: what makes a shell ask this program for the words that may follow (<c>testvm "[suggest:POSITION]"
/// LINE</c>).
/// </summary>
internal static class CompletionCommand
{
    // A colon at the end is a machine's, and its path follows.
    private const string Bash = """
        _testvm() {
            local IFS=$'\n' word=${COMP_WORDS[COMP_CWORD]}
            COMPREPLY=($(compgen -W "$(testvm "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null | sort -u)" -- "$word"))
            if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *: ]]; then compopt -o nospace; fi
        }
        complete -o default -F _testvm testvm
        """;

    private const string Zsh = """
        #compdef testvm
        _testvm() {
            local line="${(j: :)words[1,CURRENT]}"
            local -a found=("${(f)$(testvm "[suggest:${#line}]" "$line" 2>/dev/null)}")
            found=(${found:#})
            if (( $#found )); then compadd -- $found; else _files; fi
        }
        compdef _testvm testvm
        """;

    private const string Fish = """
        complete -c testvm -a '(testvm "[suggest:"(string length -- (commandline -cp))"]" (commandline -cp) 2>/dev/null)'
        """;

    public static Command Make()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints a script that completes commands, options and machines' names in your shell.")
        {
            shell,
        };
        command.SetAction(
            async (result, _) =>
            {
                await Console.Out.WriteLineAsync(
                    result.GetValue(shell) switch
                    {
                        "bash" => Bash,
                        "zsh" => Zsh,
                        _ => Fish,
                    }
                );
                return 0;
            }
        );
        return command;
    }
}
