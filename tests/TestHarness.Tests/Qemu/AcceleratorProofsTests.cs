using FluentAssertions;
using TestHarness.Hosts;
using TestHarness.Qemu;
using Xunit;

namespace TestHarness.Tests.Qemu;

public sealed class AcceleratorProofsTests : IDisposable
{
    private static readonly AcceleratorProof Proof = new("it hung", 0, Hung: true, "words\nmore") { Milliseconds = 1.5 };

    private readonly string _folder = Directory.CreateTempSubdirectory("proofs, \"ä ").FullName;
    private int _made;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string File => Path.Combine(_folder, RunFolderContents.Proofs);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Proves_once_for_all_that_ask_at_the_same_time()
    {
        var go = new TaskCompletionSource();
        Task<AcceleratorProof>[] all = [.. Enumerable.Range(0, 8).Select(_ => GetAsync("a", () => go.Task))];
        go.SetResult();

        (await Task.WhenAll(all)).Should().AllBeEquivalentTo(Proof);
        _made.Should().Be(1);
    }

    [Fact]
    public async Task Gives_a_later_process_what_an_earlier_one_proved()
    {
        await GetAsync("a");
        await GetAsync("b");
        AcceleratorProofs.Forget();

        (await GetAsync("a")).Should().Be(Proof);
        (await GetAsync("b")).Should().Be(Proof);
        _made.Should().Be(2);
        Directory.GetFiles(_folder, "*.new").Should().BeEmpty();
    }

    [Fact]
    public async Task Does_not_hand_on_what_a_busy_host_may_explain()
    {
        AcceleratorProof passing = Proof with { IsPassing = true };
        (await GetAsync("a", proof: passing)).Should().Be(passing);
        (await GetAsync("a")).Should().Be(passing, "this process need not find it out again");
        AcceleratorProofs.Forget();

        (await GetAsync("a")).Should().Be(Proof);
        _made.Should().Be(2);
    }

    [Fact]
    public async Task Proves_again_after_the_host_booted_anew()
    {
        await GetAsync("a");
        string text = await System.IO.File.ReadAllTextAsync(File, Token);
        text.Should().Contain(AcceleratorProofs.Boot);
        await System.IO.File.WriteAllTextAsync(File, text.Replace(AcceleratorProofs.Boot, "another-boot", StringComparison.Ordinal), Token);
        AcceleratorProofs.Forget();

        await GetAsync("a");
        _made.Should().Be(2);
        (await System.IO.File.ReadAllTextAsync(File, Token)).Should().NotContain("another-boot");
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n \n")]
    [InlineData("{boot} a")]
    [InlineData("{boot} a it%20hung 0 True words")]
    [InlineData("{boot} a it%20hung zero True words 1.5 end")]
    [InlineData("{boot} a it%20hung 0 perhaps words 1.5 end")]
    [InlineData("%zz \0\0\0\0")]
    public async Task Proves_again_what_can_not_be_read(string content)
    {
        await System.IO.File.WriteAllTextAsync(File, content.Replace("{boot}", AcceleratorProofs.Boot, StringComparison.Ordinal), Token);

        (await GetAsync("a")).Should().Be(Proof);
        AcceleratorProofs.Forget();
        (await GetAsync("a")).Should().Be(Proof);
        _made.Should().Be(1);
    }

    [Fact]
    public async Task Keeps_a_bounded_number_of_them()
    {
        for (int i = 0; i < 40; i++)
            await GetAsync($"key {i}");

        string text = await System.IO.File.ReadAllTextAsync(File, Token);
        text.Should().Contain("key%2039").And.NotContain("key%203 ");
        text.Split("key%20").Should().HaveCountLessThan(20);
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task Does_not_wait_for_ever_for_a_process_that_was_stopped_while_it_proved()
    {
        using FileLock? stopped = FileLock.TryTake(Path.Combine(_folder, "accelerators.lock"));

        (await GetAsync("a").WaitAsync(TimeSpan.FromSeconds(15), Token)).Should().Be(Proof);
        System.IO.File.Exists(File).Should().BeFalse("only the owner of the lock writes");
    }

    [Fact]
    public async Task Ends_the_wait_when_the_caller_gives_up()
    {
        using FileLock? busy = FileLock.TryTake(Path.Combine(_folder, "accelerators.lock"));
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task<AcceleratorProof> wait = AcceleratorProofs.GetAsync(
            _folder,
            "a",
            _ => throw new InvalidOperationException("It was not to be proved."),
            cancel.Token
        );
        await cancel.CancelAsync();

        await wait.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    private Task<AcceleratorProof> GetAsync(string key, Func<Task>? wait = null, AcceleratorProof? proof = null) =>
        AcceleratorProofs.GetAsync(
            _folder,
            key,
            async _ =>
            {
                Interlocked.Increment(ref _made);
                await (wait?.Invoke() ?? Task.CompletedTask);
                return proof ?? Proof;
            },
            Token
        );
}
