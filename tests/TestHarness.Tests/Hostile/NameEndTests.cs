using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Images;
using TestHarness.Tests.Tool;
using TestHarness.Text;
using TestHarness.Tool.Machines;
using Xunit;

namespace TestHarness.Tests.Hostile;

/// <summary>Names are looked at to their very end: <c>$</c> in a pattern is satisfied before a line feed, too.</summary>
[Fault(
    "A name has a line feed at its end. The path of a run folder leaves no room for the longest socket's path.",
    "It is refused before the start, with the value. The limit comes from one list of all sockets.",
    "RunFolderTests"
)]
public sealed class NameEndTests
{
    // These look for signs in lines, which have no end in them.
    private static readonly string[] OfLines = ["SerialSigns"];

    public static TheoryData<MachineSpec, string> Specs =>
        new()
        {
            {
                new MachineSpec { Hostname = "web\n" },
                "Hostname is \"web\n\""
            },
            {
                new MachineSpec { SerialPorts = ["modem\n"] },
                "SerialPorts: name \"modem\n\""
            },
            {
                new MachineSpec { GuestReaches = [new GuestReach("db\n", new IPEndPoint(IPAddress.Loopback, 5432))] },
                "GuestReaches: name \"db\n\""
            },
            {
                new MachineSpec
                {
                    GuestAccess = GuestAccess.Ssh,
                    Ssh = new SshAccess { User = "root\n" },
                },
                "Ssh: \"root\n\" is not a user's name"
            },
            {
                new MachineSpec { CloudInit = new CloudInit { Users = [new CloudUser("ada\n")] } },
                "CloudInit.Users: \"ada\n\""
            },
        };

    [Theory]
    [MemberData(nameof(Specs), DisableDiscoveryEnumeration = true)]
    public void A_line_feed_after_a_name_is_refused(MachineSpec spec, string problem) =>
        FluentActions.Invoking(() => new VirtualMachine(spec)).Should().Throw<ArgumentException>().Which.Message.Should().Contain(problem);

    [Fact]
    public void Other_names_with_a_line_feed_at_their_end_are_none()
    {
        ShellQuote.Quote("plain\n").Should().Be("'plain\n'");
        DiskDescription.IsName("mine\n").Should().BeFalse();
        FluentActions.Invoking(() => NamedMachine.Called("web\n")).Should().Throw<Exception>().WithMessage("*is no name for a machine*");
    }

    [Fact]
    public async Task A_forward_of_the_tool_with_a_line_feed_at_its_end_is_refused()
    {
        using var folder = new Folder();

        (int exitCode, _, string error) = await new TestVmProgram(folder.Path).RunAsync(
            "up",
            "web",
            "--image",
            "tiny",
            "--dry-run",
            "--forward",
            "80\n"
        );

        (exitCode, error)
            .Should()
            .Be((2, "--forward is \"80\n\": write 8080:80 (host, guest), 80 (any port of the host) or 5353:53/udp.\n"));
    }

    [Fact]
    public void No_pattern_that_is_to_match_a_whole_text_ends_with_a_dollar() =>
        (
            (Assembly[])
                [
                    typeof(VirtualMachine).Assembly,
                    typeof(NamedMachine).Assembly,
                    typeof(global::TestHarness.Xunit.VirtualMachineFixture).Assembly,
                ]
        )
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type =>
                type.GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly)
            )
            .Select(method =>
                (Place: $"{method.DeclaringType!.Name}.{method.Name}", Pattern: method.GetCustomAttribute<GeneratedRegexAttribute>())
            )
            .Where(found =>
                found.Pattern is { } one
                && one.Pattern.EndsWith('$')
                && !one.Options.HasFlag(RegexOptions.Multiline)
                && !one.Pattern.StartsWith("(?m)", StringComparison.Ordinal)
            )
            .Select(found => found.Place)
            .Where(place => !OfLines.Contains(place.Split('.')[0]))
            .Should()
            .BeEmpty();

    // 91 bytes and what comes after them make 107, where a unix socket's path ends.
    [Theory]
    [InlineData(91, true)]
    [InlineData(92, false)]
    [InlineData(95, false)]
    public void A_machines_folder_is_as_long_as_its_longest_socket_allows(int bytes, bool fits)
    {
        string folder = $"/ä/{new string('x', bytes - 4)}";

        Action require = () => RunFolder.RequireSockets(folder, MachineFileNames.Sockets);

        if (fits)
            require.Should().NotThrow();
        else
            require
                .Should()
                .Throw<HostNotReadyException>()
                .WithMessage(
                    $"The run folder's path is too long for unix sockets: *Folder: {folder}\nLongest: {folder}/*\nTry: set "
                        + "TESTHARNESS_RUN to a path that is * bytes shorter."
                );
    }

    [Fact]
    public async Task A_named_machine_whose_socket_would_have_too_long_a_path_is_refused()
    {
        using var folder = new Folder();
        string run = Path.Combine(folder.Path, new string('r', 70));
        var testvm = new TestVmProgram(folder.Path) { Environment = { ["TESTHARNESS_RUN"] = run } };
        string machine = Directory.CreateDirectory(Path.Combine(testvm.Data, $"machines/{new string('m', 32)}")).FullName;
        await File.WriteAllTextAsync(
            Path.Combine(machine, "machine.json"),
            """{ "image": "tiny", "created": "2026-01-01T00:00:00Z" }""",
            TestContext.Current.CancellationToken
        );

        (int exitCode, _, string error) = await testvm.RunAsync("status", Path.GetFileName(machine));

        exitCode.Should().Be(2, error);
        error.Should().StartWith("The run folder's path is too long for unix sockets: ").And.Contain($"Folder: {run}\n");
    }

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("names-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
