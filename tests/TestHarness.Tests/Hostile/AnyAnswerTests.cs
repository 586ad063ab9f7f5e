using System.Text;
using FluentAssertions;
using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Hosts;
using TestHarness.Networks;
using TestHarness.Qemu;
using TestHarness.Screens;
using TestHarness.Templates;
using TestHarness.Tests.Qemu;
using Xunit;
using static TestHarness.Tests.Qemu.FakeMonitor;

namespace TestHarness.Tests.Hostile;

/// <summary>Whatever QEMU, a guest's agent, the host's kernel or a file in the cache says: an answer, or the reader's own error.</summary>
[Fault(
    "QEMU's monitor or guest agent answers without what it should say. A description, a ledger entry or a text of "
        + "the kernel is cut or hostile.",
    "Each reader fails with its own error, whatever came."
)]
public sealed class AnyAnswerTests
{
    private const int Rounds = 3_000;

    private static readonly string[] Values =
    [
        "null",
        "true",
        "7",
        "-1",
        "1e99",
        "99999999999999999999",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[1]",
        "[{}]",
        "[[]]",
        "[null]",
    ];

    private static readonly string[] Pieces =
    [
        "\0",
        "\n",
        "\t",
        " ",
        ":",
        "/",
        "-",
        "0",
        "9999999999999999999999",
        "-1",
        "1e9",
        "é",
        "}",
        "{",
        "[",
        "]",
        "\"",
        ".",
        "max",
        "kB",
        "MemTotal:",
        "TCP[HOST_FORWARD]",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Answers()
    {
        var rows = new TheoryData<string, string>();
        foreach (string value in Values)
        {
            foreach (string call in (string[])["keys", "mice", "job", "human", "ports"])
                rows.Add(call, value);
        }

        foreach (string member in (string[])["running", "current", "absolute", "id", "status"])
        {
            foreach (string value in Values)
            {
                rows.Add("keys", $"{{\"{member}\": {value}}}");
                rows.Add("mice", $"[{{\"{member}\": {value}}}]");
                rows.Add("job", $"[{{\"{member}\": {value}}}]");
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task An_answer_of_the_monitor_without_its_members_is_a_typed_error(string call, string answer)
    {
        await using FakeMonitor monitor = await NegotiatedAsync();
        QmpClient client = monitor.Client;
        Task asked = call switch
        {
            "keys" => new Keyboard(() => client).PressAsync([], TimeSpan.Zero, _ => { }, Token),
            "mice" => new Pointer(() => client).IsHeardAsync(Token),
            "job" => client.RunJobAsync("snapshot-save", [], Token),
            "human" => client.ExecuteHumanAsync("info", Token),
            _ => ForwardedPort.OpenAsync(client, [new PortForward(22)], Token),
        };
        Task answering = AnswerAllAsync(monitor, call, answer);

        Exception? thrown = await Record.ExceptionAsync(() => asked.WaitAsync(Soon, Token));
        monitor.HangUp();
        await Record.ExceptionAsync(() => answering);

        if (thrown is not null)
            thrown.Should().BeAssignableTo<QmpException>();
    }

    [Fact]
    public async Task An_answer_of_the_QEMU_guest_agent_without_its_members_is_a_typed_error()
    {
        string[] members = ["pid", "exited", "exitcode", "signal", "err-data"];
        string[] answers =
        [
            .. Values.Select(value => $"{{\"return\": {value}}}"),
            .. Values.Select(value => $"{{\"error\": {value}}}"),
            .. Values.Select(value => $"{{\"error\": {{\"desc\": {value}}}}}"),
            .. members.SelectMany(member =>
                Values.Select(value =>
                    $"{{\"return\": {{\"pid\": 1, \"exited\": true, \"{member}\": {value}}}}}".Replace(
                        "\"pid\": 1, \"pid\"",
                        "\"pid\"",
                        StringComparison.Ordinal
                    )
                )
            ),
        ];
        await Task.WhenAll(answers.Select(AskAsync));

        static async Task AskAsync(string answer)
        {
            var agent = new QemuGuestAgent(new AlwaysSays($"{answer}\n"));
            using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
            await Record.ExceptionAsync(() => agent.WaitAsync(limit.Token));
            using var asks = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
            Exception? thrown = await Record.ExceptionAsync(() => agent.RunAsync("true", asks.Token));

            if (thrown is not (null or OperationCanceledException))
                (thrown is AgentException or AgentLostException).Should().BeTrue("{0} is answered with {1}", answer, thrown);
        }
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public void Texts_of_QEMU_and_of_the_host_are_read_or_refused()
    {
        var random = new Random(19);
        for (int round = 0; round < Rounds; round++)
        {
            Try<QmpBrokenException>(Mutate(random, Greeting.Trim()), text =>
                QmpMessage.CheckGreeting(QmpMessage.Parse(Encoding.UTF8.GetBytes(text)))
            );
            Try<QmpRefusedException>(Mutate(random, "  TCP[HOST_FORWARD]  12  127.0.0.1 40001  10.0.2.15    22     0     0\n"), text =>
                ForwardedPort.Parse(text)
            );
            Try<HostNotReadyException>(Mutate(random, "MemTotal:       16384000 kB\nMemFree: 1 kB\n"), text => LedgerBudget.From(
                    new LedgerHostFacts
                    {
                        MemoryInfo = text,
                        MemoryLimits = [text],
                        Cores = 2,
                    }
                ));
            Try<HostNotReadyException>(Mutate(random, "512"), text => LedgerBudget.From(
                    new LedgerHostFacts
                    {
                        MemoryInfo = "",
                        Cores = 2,
                        OwnMemoryMiB = text,
                        OwnCpus = text,
                    }
                ));
            Try<HostNotReadyException>(Mutate(random, "0::/user.slice/a\n4:memory:/b\n"), text =>
                _ = ControlGroups.MemoryFiles(text, "a", "b").Take(1000).Count()
            );
            Try<HostNotReadyException>(Mutate(random, "oom_kill 3\n[ 1.0] Out of memory: Killed process 7 (q)\n"), text =>
                _ = (OomWatch.Kills(text), OomWatch.KillLine(text, 7, TimeSpan.Zero))
            );
        }
    }

    [Fact]
    public void Entries_of_the_ledger_are_read_or_count_as_nothing()
    {
        var random = new Random(19);
        for (int round = 0; round < Rounds; round++)
        {
            LedgerEntry[] entries =
            [
                .. Enumerable
                    .Range(0, 4)
                    .Select(_ =>
                        LedgerEntry.Parse(
                            Mutate(random, $"/l/{long.MaxValue}-7{LedgerFile.Waiting}"),
                            Mutate(random, $"m\t7\t{int.MaxValue}\t{int.MaxValue}\t{int.MaxValue}\tkey\t{int.MaxValue}\n")
                        )
                    ),
            ];
            var state = new LedgerState(new LedgerBudget(1024, 8), entries);
            var request = new LedgerRequest("m", 256, 1);
            LedgerVerdict verdict = state.Judge(request);

            state.NextTicket.Should().BePositive();
            LedgerText.Waiting(request, verdict).Should().NotBeEmpty();
            LedgerText.OutOfTime(request, TimeSpan.FromSeconds(1), verdict).Message.Should().NotBeEmpty();
            entries
                .Should()
                .AllSatisfy(entry => LedgerEntry.Parse(entry.Path, entry.ToText()).Request.Cpus.Should().Be(entry.Request.Cpus));
        }
    }

    [Fact]
    public void Descriptions_of_templates_that_are_cut_or_hostile_are_faults()
    {
        string folder = Directory.CreateTempSubdirectory("template-").FullName,
            file = Path.Combine(folder, TemplateFiles.Description);
        File.WriteAllText(Path.Combine(folder, TemplateFiles.Memory), "memory");
        File.WriteAllText(Path.Combine(folder, TemplateFiles.State), "state");
        TemplateDescription.Of("key", folder).Write(folder);
        string whole = File.ReadAllText(file);
        var random = new Random(19);
        string[] texts =
        [
            "",
            "null",
            "{}",
            "[]",
            "{\"Key\": \"key\"}",
            whole.Replace("\"DiskBytes\":{}", "\"DiskBytes\":null", StringComparison.Ordinal),
            new string('[', 2 * 1024 * 1024),
            .. Enumerable.Range(0, 500).Select(_ => Mutate(random, whole)),
            .. Enumerable.Range(0, whole.Length).Select(length => whole[..length]),
        ];
        foreach (string text in texts)
        {
            File.WriteAllText(file, text);
            TemplateDescription.FindFault("key", folder).Should().NotBeNull();
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task AnswerAllAsync(FakeMonitor monitor, string call, string answer)
    {
        for (int asked = 1; ; asked++)
        {
            long id = await monitor.TakeAsync();
            // The job's own command, and then its end.
            if (call == "job" && asked == 1)
            {
                await monitor.SayAsync($"{{\"event\": \"JOB_STATUS_CHANGE\", \"data\": {answer}}}\n{{\"event\": \"JOB_STATUS_CHANGE\"}}\n");
                await monitor.SayAsync(
                    $"{{\"event\": \"JOB_STATUS_CHANGE\", \"data\": {{\"id\": \"job2\", \"status\": \"concluded\"}}}}\n"
                );
            }

            await monitor.AnswerAsync(id, answer);
        }
    }

    private static void Try<T>(string text, Action<string> read)
        where T : Exception
    {
        try
        {
            read(text);
        }
        catch (T)
        {
            // Its own error.
        }
    }

    private static string Mutate(Random random, string text)
    {
        var mutated = new StringBuilder(text);
        for (int times = random.Next(4); times >= 0; times--)
        {
            int at = random.Next(mutated.Length + 1),
                count = Math.Min(random.Next(6), mutated.Length - at);
            mutated.Remove(at, count);
            if (random.Next(3) > 0)
                mutated.Insert(at, Pieces[random.Next(Pieces.Length)]);
        }

        return mutated.ToString();
    }
}
