using System.Net;
using System.Net.Sockets;
using FluentAssertions;
using TestHarness.Specs;
using Xunit;

namespace TestHarness.Tests.Specs;

public sealed class DefinitionFileTests
{
    private const string Shop = """
        # yaml-language-server: $schema=definition.schema.json
        machines:
          db: { image: debian-12, memoryMiB: &memory 1024 }
          web:
            image: ./images/web/
            memoryMiB: *memory
            firmware: kernel
            accelerator: tcg
            clock: 2030-01-31T12:00:00Z
            startTimeout: 1m30s
            portForwards:
            - 80
            - guestPort: 53
              protocol: udp
              hostPort: 5353
            guestReaches:
            - { guestPort: 5432, host: "127.0.0.1:15432" }
            - { guestPort: 1, host: "unix:/run/x.sock" }
            - { guestPort: 2, host: "db.example:2" }
            disks: [64, { sizeMiB: 128 }]
            shares: [{ hostPath: data, guestPath: /data }]
            secrets: ["hunter2"]
            setup:
            - install: [nginx, postgresql]
              recommended: true
            - push: out/publish/
              guestPath: /opt/shop/
              options: { owner: www-data, exclude: ["*.pdb"] }
            - write: /etc/motd
              text: |
                hello
                  world
              options: { mode: 0600 }
            - run: systemctl enable --now shop
              name: the shop
              timeout: 30s
              user: www-data
              environment: { A: b, PORT: 80 }
            - waitForPort: 8080
            - waitForUnit: ssh
            - waitForHttp: http://127.0.0.1:8080/
            - reboot: true
            - dotNetRuntime: true
              aspNetCore: true
        """;

    [Fact]
    public void A_file_describes_machines_with_all_that_a_program_can_say_of_them()
    {
        IReadOnlyDictionary<string, MachineSpec> machines = DefinitionFile.Parse(Shop, isJson: false, "shop.yaml", "/work");

        machines.Keys.Should().Equal("db", "web");
        machines["db"].Should().BeEquivalentTo(new MachineSpec { Image = "debian-12", MemoryMiB = 1024 });
        machines["web"]
            .Should()
            .BeEquivalentTo(
                new MachineSpec
                {
                    Image = "/work/images/web/",
                    MemoryMiB = 1024,
                    Accelerator = Accelerator.Tcg,
                    Clock = new DateTimeOffset(2030, 1, 31, 12, 0, 0, TimeSpan.Zero),
                    StartTimeout = TimeSpan.FromSeconds(90),
                    PortForwards = [new PortForward(80), new PortForward(53) { Protocol = ForwardProtocol.Udp, HostPort = 5353 }],
                    GuestReaches =
                    [
                        new GuestReach(5432, new IPEndPoint(IPAddress.Loopback, 15432)),
                        new GuestReach(1, new UnixDomainSocketEndPoint("/run/x.sock")),
                        new GuestReach(2, new DnsEndPoint("db.example", 2)),
                    ],
                    Disks = [new Disk(64), new Disk(128)],
                    Shares = [new HostShare("/work/data", "/data")],
                    Secrets = ["hunter2"],
                    Setup =
                    [
                        SetupStep.Install("nginx", "postgresql") with
                        {
                            Recommended = true,
                        },
                        SetupStep.Push("/work/out/publish/", "/opt/shop/", new SyncOptions { Owner = "www-data", Exclude = ["*.pdb"] }),
                        SetupStep.Write(
                            "/etc/motd",
                            "hello\n  world\n",
                            new GuestFileOptions { Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite }
                        ),
                        SetupStep.Run("systemctl enable --now shop") with
                        {
                            Name = "the shop",
                            Timeout = TimeSpan.FromSeconds(30),
                            User = "www-data",
                            Environment = new Dictionary<string, string> { ["A"] = "b", ["PORT"] = "80" },
                        },
                        SetupStep.WaitForPort(8080),
                        SetupStep.WaitForUnit("ssh"),
                        SetupStep.WaitForHttp("http://127.0.0.1:8080/"),
                        SetupStep.Reboot(),
                        SetupStep.DotNetRuntime(aspNetCore: true),
                    ],
                },
                options => options.RespectingRuntimeTypes().IncludingInternalProperties().WithStrictOrdering()
            );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_written_is_read_as_the_same(bool asJson)
    {
        IReadOnlyDictionary<string, MachineSpec> machines = DefinitionFile.Parse(Shop, isJson: false, "shop.yaml", "/work");

        string text = DefinitionFile.WriteText(machines, asJson);
        IReadOnlyDictionary<string, MachineSpec> again = DefinitionFile.Parse(text, asJson, "again", "/elsewhere");

        DefinitionFile.WriteText(again, asJson).Should().Be(text);
        again.Should().BeEquivalentTo(machines, options => options.RespectingRuntimeTypes().IncludingInternalProperties());
    }

    [Fact]
    public void What_is_as_by_default_is_not_written() =>
        DefinitionFile
            .WriteText(
                new Dictionary<string, MachineSpec>
                {
                    ["a"] = new() { Disks = [new Disk(64)], Setup = [SetupStep.Run("a\nb\n"), SetupStep.WaitForPort(80)] },
                },
                isJson: false
            )
            .Should()
            .Be(
                """
                machines:
                  "a":
                    disks:
                    - 64
                    setup:
                    - run: |
                        a
                        b
                    - waitForPort: 80

                """.Replace("\"a\":", "a:", StringComparison.Ordinal)
            );

    [Fact]
    public void All_mistakes_are_named_with_their_lines()
    {
        const string Text = """
            machines:
              web:
                image: debian-12
                memory: 512
                cpus: "2"
                firmware: grub
                startTimeout: 90
                disks: [{ size: 1 }]
                setup:
                - rum: ls
                - run: ls
                  reboot: true
                - waitForPort: many
                - push: a
                  options: { mode: 3 }
                - reboot: false
                - ls
              "in valid":
            networks:
            """;

        Action act = () => DefinitionFile.Parse(Text, isJson: false, "web.yaml", "/");

        act.Should()
            .Throw<ArgumentException>()
            .Which.Message.Split("\n  ")
            .Should()
            .Satisfy(
                line => line == "The definition file 'web.yaml' has 15 mistake(s):",
                line => line == "line 19, networks: is not a member here; known are $schema, machines",
                line => line.StartsWith("line 4, machines.web.memory: is not a member here; known are image, "),
                line => line == "line 5, machines.web.cpus: \"2\" is not a whole number",
                line => line == "line 6, machines.web.firmware: grub is not one of kernel, bios, uefi",
                line => line == "line 7, machines.web.startTimeout: 90 is not a time with its unit, such as 90s, 5m or 1h30m",
                line => line == "line 8, machines.web.disks[0].size: is not a member here; known are sizeMiB",
                line => line == "line 8, machines.web.disks[0].sizeMiB: is missing",
                line =>
                    line.StartsWith(
                        "line 10, machines.web.setup[0]: says not which step it is; known are install, push, write, run, waitFor"
                    ),
                line => line == "line 11, machines.web.setup[1]: is several steps (run, reboot): each is an item of its own",
                line => line == "line 13, machines.web.setup[2].waitForPort: many is not a whole number",
                line => line.StartsWith("line 15, machines.web.setup[3].options.mode: is not a member here; known are "),
                line => line == "line 14, machines.web.setup[3].guestPath: is missing",
                line => line == "line 16, machines.web.setup[4].reboot: is false: leave the step out",
                line => line == "line 17, machines.web.setup[5]: ls is not a group of members",
                line => line == "line 18, machines.in valid: a machine's name has 1 to 64 letters, digits, dashes and dots"
            );
    }

    [Theory]
    [InlineData("""{ "machines": { "a": { "cpus": 2, /* two */ } } }""", null)]
    [InlineData("{\n\"machines\": { \"a\": { \"cpus\": 2,\n\"cpus\": 3 } } }", "line 3, machines.a.cpus: is there twice")]
    [InlineData("{\n\"machines\": {", "line 2: ")]
    [InlineData("{ \"machines\": {} } x", "line 1: ")]
    [InlineData("[]", "line 1, : a list is not a group of members")]
    [InlineData("", "line 1: ")]
    [InlineData("{}", "has no machine in it")]
    public void JSON_is_read_with_comments_and_its_mistakes_have_lines(string text, string? mistake)
    {
        Action act = () => DefinitionFile.Parse(text, isJson: true, "a.json", "/");

        if (mistake is null)
            act.Should().NotThrow();
        else
            act.Should().Throw<ArgumentException>().WithMessage($"*{mistake}*");
    }

    [Theory]
    [InlineData(100)]
    [InlineData(100_000)]
    public void What_is_nested_without_end_is_refused(int depth)
    {
        foreach ((string text, bool isJson) in new[] { (new string('[', depth), true), (new string('[', depth), false) })
        {
            Action act = () => DefinitionFile.Parse(text, isJson, "deep", "/");

            act.Should().Throw<ArgumentException>();
        }
    }

    [Fact]
    public void Aliases_that_multiply_are_refused()
    {
        string lines = string.Concat(
            Enumerable.Range(1, 9).Select(level => $"a{level}: &a{level} [{string.Join(", ", Enumerable.Repeat($"*a{level - 1}", 10))}]\n")
        );

        Action act = () => DefinitionFile.Parse($"a0: &a0 [1]\n{lines}", isJson: false, "laughs.yaml", "/");

        act.Should().Throw<ArgumentException>().WithMessage("*line 6: more than 100000 values, with what its aliases repeat*");
    }

    [Fact]
    public void A_saved_file_is_loaded_by_name_and_a_step_with_code_has_no_file()
    {
        string folder = Directory.CreateTempSubdirectory("definitions-").FullName;
        string file = Path.Combine(folder, "a.yaml");
        var spec = new MachineSpec { Cpus = 2, Secrets = ["s3cret"] };

        spec.Save(file, "web");

        File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        MachineSpec.Load(file).Should().BeEquivalentTo(spec);
        MachineSpec.Load(file, "web").Should().BeEquivalentTo(spec);
        Directory.GetFiles(folder).Should().Equal(file);
        FluentActions
            .Invoking(() => MachineSpec.Load(file, "db"))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*no machine \"db\"*web*");
        FluentActions
            .Invoking(() => new MachineSpec { Setup = [SetupStep.Do("seed", (_, _) => Task.CompletedTask)] }.Save(file))
            .Should()
            .Throw<InvalidOperationException>()
            .WithMessage("*\"seed\"*SetupStep.Run*");
        FluentActions.Invoking(() => spec.Save(Path.Combine(folder, "a.txt"))).Should().Throw<ArgumentException>().WithMessage("*.yaml*");
        MachineSpec.Load(file).Cpus.Should().Be(2, "what could not be written has not taken the file's place");
        Directory.Delete(folder, recursive: true);
    }
}
