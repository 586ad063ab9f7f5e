using System.Globalization;
using System.Text.Json;
using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Machines;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Machines;

/// <summary>
/// Whatever is in a path, a name or the kernel's arguments: it arrives as it is, or it is refused; it never becomes an option.
/// </summary>
[Fault(
    "Paths, names and kernel arguments contain commas, quotes, line ends or options.",
    "They arrive as they are, or are refused. QEMU's own list of disks says the same.",
    "OddPathsTests"
)]
public sealed class LiteralValuesTests
{
    private const int Rounds = 400;
    private const int Seed = 4711;

    // What QEMU's, the shell's and JSON's grammars make something of.
    private static readonly string[] Pieces =
    [
        ",",
        ",,",
        ",,readonly=off",
        "=",
        " ",
        "  ",
        "\"",
        "'",
        "\n",
        "%",
        "%s",
        "-",
        "--",
        "-monitor tcp:127.0.0.1:1",
        "\\",
        "\\n",
        "$HOME",
        "`id`",
        ";",
        "|",
        "{",
        "}",
        "[",
        ":",
        "json:{}",
        "nbd://x",
        "../",
        "/",
        ".",
        "ä",
        "語",
        "a",
        "B7",
        "_",
        "\t",
        "#",
        "root=/dev/vdb",
        "file.driver=host_device",
    ];

    private static readonly BootFiles Boot = new()
    {
        BackingDisks = ["/cache/disk.qcow2"],
        Kernel = "/cache/vmlinux",
        Initrd = "/cache/initrd",
        KernelArguments = "root=/dev/vda rw",
    };

    private static IEnumerable<string> Values()
    {
        var random = new Random(Seed);
        for (int round = 0; round < Rounds; round++)
            yield return string.Concat(Enumerable.Range(0, random.Next(1, 8)).Select(_ => Pieces[random.Next(Pieces.Length)]));
    }

    [Fact]
    public void Paths_arrive_as_they_are()
    {
        int usual = Build(new MachineSpec(), Restored("/t")).Count;
        foreach (string path in Values().Select(value => "/" + value))
        {
            BootFiles files = Restored(path);
            IReadOnlyList<string> restored = Build(new MachineSpec(), files);
            IReadOnlyList<string> booted = Build(new MachineSpec(), files with { Templates = [] });

            restored.Should().HaveCount(usual);
            using JsonDocument disk = After(restored, "-blockdev");
            JsonElement template = disk.RootElement.GetProperty("backing"),
                image = template.GetProperty("backing");
            NameOf(disk.RootElement).Should().Be("disk.qcow2");
            NameOf(template).Should().Be($"{path}/disk.qcow2");
            NameOf(image).Should().Be(path);
            image.GetProperty("backing").ValueKind.Should().Be(JsonValueKind.Null, "the chain ends where we say");
            using JsonDocument memory = After(restored, "-object");
            memory.RootElement.GetProperty("mem-path").GetString().Should().Be($"{path}/memory");
            (ValueAfter(booted, "-kernel"), ValueAfter(booted, "-initrd")).Should().Be((path, path));
        }
    }

    [Fact]
    public void Kernel_arguments_are_one_argument_or_refused()
    {
        int usual = Build(new MachineSpec(), Boot).Count;
        int refused = 0;
        foreach (string value in Values())
        {
            MachineSpec spec = new() { KernelArguments = value };
            if (IsRefused(spec))
            {
                value.Should().Contain("\n");
                refused++;
                continue;
            }

            IReadOnlyList<string> arguments = Build(spec, Boot);
            arguments.Should().HaveCount(usual);
            ValueAfter(arguments, "-append").Should().Contain("root=").And.NotContain("\n");
        }

        refused.Should().BePositive();
    }

    [Fact]
    public void Host_names_are_plain_or_refused()
    {
        foreach (string value in Values())
        {
            bool isPlain =
                value.Length <= 64
                && char.IsAsciiLetterOrDigit(value[0])
                && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.');
            IsRefused(new MachineSpec { Hostname = value }).Should().Be(!isPlain, value);
        }
    }

    [Fact]
    public void Machine_names_are_plain_whatever_the_image_is_called()
    {
        foreach (string value in Values())
            MachineName.Make("./" + value, 7).Should().MatchRegex("^[A-Za-z0-9-]+$").And.EndWith("-7");
    }

    [Fact]
    public void The_callers_own_arguments_stay_what_they_are()
    {
        string[] own = [.. Values()];

        Build(new MachineSpec { ExtraQemuArguments = own }, Boot).TakeLast(own.Length).Should().Equal(own);
    }

    private static bool IsRefused(MachineSpec spec)
    {
        try
        {
            SpecValidation.Check(spec);
            return false;
        }
        catch (ArgumentException e)
        {
            e.Message.Should().StartWith(string.Create(CultureInfo.InvariantCulture, $"The machine's spec has 1 mistake(s):"));
            return true;
        }
    }

    private static BootFiles Restored(string path) =>
        Boot with
        {
            BackingDisks = [$"{path}/disk.qcow2", path],
            Kernel = path,
            Initrd = path,
            Memory = new MemoryFile($"{path}/memory", Shared: false),
            Templates = [path],
        };

    private static IReadOnlyList<string> Build(MachineSpec spec, BootFiles boot) =>
        QemuArguments.Build(spec, boot, "m-1", Accelerator.Tcg, MachineChannels.Library);

    private static string ValueAfter(IReadOnlyList<string> arguments, string option) => arguments[arguments.ToList().IndexOf(option) + 1];

    private static JsonDocument After(IReadOnlyList<string> arguments, string option) => JsonDocument.Parse(ValueAfter(arguments, option));

    private static string? NameOf(JsonElement image) => image.GetProperty("file").GetProperty("filename").GetString();

    [Fact]
    public void A_machine_is_named_after_its_host_name_or_else_its_image()
    {
        new VirtualMachine(new MachineSpec { Hostname = "db.example" }).Name.Should().MatchRegex("^db-example-[0-9]+$");
        new VirtualMachine(new MachineSpec { Image = "tiny" }).Name.Should().MatchRegex("^tiny-[0-9]+$");
    }
}
