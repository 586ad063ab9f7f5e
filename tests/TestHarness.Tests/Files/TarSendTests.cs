using System.Diagnostics;
using FluentAssertions;
using TestHarness.Files;
using Xunit;

namespace TestHarness.Tests.Files;

/// <summary>What the guest's script makes of the exit code and the words of its tar.</summary>
public sealed class TarSendTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("testharness-send-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("tar (GNU tar) 1.34", "tar: ./x/f: File removed before we read it", 1, 24)]
    [InlineData("tar (GNU tar) 1.34", "tar: ./x/f: file changed as we read it", 1, 24)]
    [InlineData("tar (GNU tar) 1.34", "tar: ./x/f: Cannot open: Permission denied", 2, 2)]
    [InlineData("tar (busybox) 1.35.0", "tar: ./x/f: No such file or directory\ntar: error exit delayed from previous errors", 1, 24)]
    [InlineData(
        "tar (busybox) 1.35.0",
        "tar: ./x/f: No such file or directory\ntar: ./x/g: Permission denied\ntar: error exit delayed from previous errors",
        1,
        1
    )]
    [InlineData("tar (busybox) 1.35.0", "", 1, 1)]
    [InlineData("tar (busybox) 1.35.0", "", 0, 0)]
    public async Task Tells_what_went_away_from_what_failed(string version, string words, int code, int expected)
    {
        Directory.CreateDirectory($"{_folder}/x");
        ExecutableScript.Write(
            $"{_folder}/tar",
            $"[ \"$1\" = --version ] && {{ echo '{version}'; exit; }}; echo archive; [ -z '{words}' ] || echo '{words}' >&2; exit {code}"
        );

        (await SendAsync("")).Should().Be((expected, "archive\n", words.Length > 0 ? $"{words}\n" : ""));
    }

    [Fact]
    public async Task Takes_a_link_that_leads_nowhere_for_a_failure_where_links_are_followed()
    {
        Directory.CreateDirectory($"{_folder}/x");
        File.CreateSymbolicLink($"{_folder}/x/link", "nowhere");

        (int exitCode, _, string error) = await SendAsync("-h");

        exitCode.Should().Be(1);
        error.Should().Contain("./x/link: leads nowhere");
        (await SendAsync("")).ExitCode.Should().Be(0);
    }

    private async Task<(int ExitCode, string Output, string Error)> SendAsync(string links)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", TarScripts.Send, "sh", _folder, "x", links])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{_folder}:{Environment.GetEnvironmentVariable("PATH")}";
        using Process shell = Process.Start(start)!;
        Task<string> output = shell.StandardOutput.ReadToEndAsync(Token),
            error = shell.StandardError.ReadToEndAsync(Token);
        await shell.WaitForExitAsync(Token);
        return (shell.ExitCode, await output, await error);
    }
}
