using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

/// <summary>Machines that something is wrong with are rows like the others.</summary>
[Fault(
    "The process that keeps a named machine hangs, or its `machine.json` is damaged.",
    "`testvm list` shows the machine as `hangs` or `damaged`, and the others as before."
)]
public sealed class ListTests : IDisposable
{
    private readonly TestVm _tool = new();
    private int? _stopped;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (_stopped is { } keeper)
            Signal.Send("CONT", keeper);
        _tool.Dispose();
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Lists_a_machine_whose_process_hangs_and_one_whose_file_is_damaged()
    {
        await _tool.DoAsync("up", "web", "--image", "tiny", "--memory", "128M");
        string damaged = Directory.CreateDirectory(Path.Combine(_tool.Data, "machines", "bad")).FullName;
        await File.WriteAllTextAsync(Path.Combine(damaged, "machine.json"), "null", Token);
        _stopped = _tool.KeeperOf("web");
        Signal.Send("STOP", _stopped.Value);
        var since = Stopwatch.StartNew();

        string list = await _tool.DoAsync("list"),
            status = await _tool.DoAsync("status", "web"),
            json = await _tool.DoAsync("list", "--json");

        list.Should().MatchRegex("bad +damaged ").And.MatchRegex("web +hangs +tiny ");
        status.Should().MatchRegex("web +hangs +tiny ");
        json.Should().Contain("\"hangs\"");
        since.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(15), string.Create(CultureInfo.InvariantCulture, $"each waits 3 s: {list}"));
        Signal.Send("CONT", _stopped.Value);
        (await _tool.DoAsync("list")).Should().MatchRegex("web +running +tiny ");
        Directory.Delete(damaged, recursive: true);
    }
}
