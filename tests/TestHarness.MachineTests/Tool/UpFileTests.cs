using FluentAssertions;
using Xunit;

namespace TestHarness.MachineTests.Tool;

[Fault(
    "A definition file for testvm up has mistakes. It describes a machine that is there otherwise, or is given with other options.",
    "All mistakes are named with their lines, before any machine is made. What is there stays as it is."
)]
public sealed class UpFileTests : IDisposable
{
    private readonly TestVm _testvm = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string File => Path.Combine(_testvm.Root, "shop.yaml");

    public void Dispose() => _testvm.Dispose();

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task It_makes_starts_and_sets_up_the_machines_once()
    {
        Directory.CreateDirectory(Path.Combine(_testvm.Root, "files"));
        await System.IO.File.WriteAllTextAsync(Path.Combine(_testvm.Root, "files/a"), "from the host\n", Token);
        const string Shop = """
            machines:
              web:
                image: tiny
                memoryMiB: 192
                portForwards: [22]
                setup:
                - run: echo x >> /root/runs
                - push: files/
                  guestPath: /root/files/
                - waitForFile: /root/files/a
                  timeout: 30s
            """;
        await WriteAsync(Shop);

        string first = (await _testvm.RunAsync("up", "--file", File)).Error;

        first.Should().Contain("set-up 3 of 3: wait for file").And.Contain("Machine 'web' is running.");
        (await _testvm.DoAsync("shell", "web", "--", "cat /root/runs /root/files/a; hostname")).Should().Be("x\nfrom the host\nweb\n");
        (await _testvm.RunAsync("up", "--file", File)).Error.Should().Contain("Machine 'web' is running already.");
        await _testvm.DoAsync("stop", "web");
        string second = (await _testvm.RunAsync("up", "--file", File, "web")).Error;
        second.Should().Contain("done before").And.Contain("Machine 'web' is running.");
        (await _testvm.DoAsync("shell", "web", "--", "cat /root/runs")).Should().Be("x\n");
        (await _testvm.DoAsync("list")).Should().Contain("web").And.Contain("192M");

        await WriteAsync($"{Shop}\n    - run: echo y >> /root/runs");
        (int exitCode, _, string error) = await _testvm.RunAsync("up", "--file", File);
        exitCode.Should().Be(2);
        error.Should().Contain("Machine 'web' runs, and was set up by other steps").And.Contain("testvm stop web");
        await _testvm.DoAsync("stop", "web");
        await _testvm.DoAsync("up", "--file", File);
        (await _testvm.DoAsync("shell", "web", "--", "cat /root/runs")).Should().Be("x\ny\n");

        await WriteAsync("machines: { web: { image: tiny, memoryMiB: 256 } }");
        (exitCode, _, error) = await _testvm.RunAsync("up", "--file", File);
        exitCode.Should().Be(2);
        error.Should().Contain("Machine 'web' is there already, and is not what").And.Contain("testvm delete web");
    }

    [Fact]
    public async Task Mistakes_are_told_before_anything_is_made()
    {
        await WriteAsync("machines:\n  one: { image: tiny }\n  two: { image: tiny, memoryMB: 3 }\n");
        (await _testvm.RunAsync("up", "--file", File)).Error.Should().Contain("line 3, machines.two.memoryMB: is not a member here");
        await WriteAsync("machines:\n  one: { image: tiny }\n  two: { image: tiny, cpus: 0 }\n");
        (await _testvm.RunAsync("up", "--file", File)).Error.Should().Contain("Cpus is 0");
        (await _testvm.RunAsync("up", "--file", File, "three")).Error.Should().Contain("has no machine 'three'. There are: one, two.");
        (await _testvm.RunAsync("up", "--file", File, "--cpus", "2")).Error.Should().Contain("write what --cpus is for into the file");
        (await _testvm.DoAsync("list")).Should().NotContain("one");
    }

    private Task WriteAsync(string text) => System.IO.File.WriteAllTextAsync(File, text, Token);
}
