using System.Security.Cryptography;
using FluentAssertions;
using TestHarness.Images;
using TestHarness.MachineTests.Tool;
using TestHarness.Templates;
using Xunit;

namespace TestHarness.MachineTests.Templates;

[Fault(
    "A saved machine is started where it can't run, or deleted while machines run on it. It is imported from a file that is damaged.",
    "Each is refused with the reason, and what is there stays as it is. A file is imported only with its SHA-256."
)]
public sealed class SavedMachineTests : IDisposable
{
    private readonly string _name = $"test-{Guid.NewGuid():N}";
    private readonly string _folder = Directory.CreateTempSubdirectory("saved-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        SavedMachine.Find(_name)?.Delete();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Machines_go_on_from_what_was_saved_and_the_machine_itself_goes_on(bool layered)
    {
        MachineSpec spec = new()
        {
            Disks = [new Disk(16)],
            PortForwards = [new PortForward(22)],
            Forkable = layered,
            Setup = layered ? [SetupStep.Run("echo layer > /root/layer; echo layer > /dev/vdb")] : [],
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(spec, cancellationToken: Token);
        await vm.Shell.RunAsync(
            """
            echo kept > /root/disk; echo kept > /dev/shm/memory; printf raw | dd of=/dev/vdb seek=1 2> /dev/null
            sleep 9999 > /dev/null 2>&1 & echo $! > /run/pid
            """,
            cancellationToken: Token
        );

        SavedMachine saved = await vm.SaveAsync(_name, Token);

        vm.State.Should().Be(MachineState.Running);
        await vm.Shell.RunAsync("echo later > /root/disk; kill $(cat /run/pid)", cancellationToken: Token);
        SavedMachine found = SavedMachine.Find(_name)!;
        found.Should().BeEquivalentTo(saved, options => options.Including(one => one.Name).Including(one => one.Saved));
        SavedMachine.All().Should().Contain(one => one.Name == _name);
        found.Spec.Accelerator.Should().NotBe(Accelerator.Auto);
        var seen = new List<string>();
        for (int round = 0; round < 2; round++)
        {
            await using VirtualMachine again = await VirtualMachine.StartAsync(found, cancellationToken: Token);
            again.IsWarm.Should().BeTrue();
            ShellResult left = await again.Shell.RunAsync(
                """
                cat /root/disk /dev/shm/memory
                dd if=/dev/vdb skip=1 bs=512 count=1 2> /dev/null | head -c 3
                kill -0 $(cat /run/pid); hostname
                """,
                cancellationToken: Token
            );
            left.StandardOutput.Should().Be($"kept\nkept\nraw{again.Name}\n");
            if (layered)
                (await again.Shell.RunAsync("cat /root/layer; head -c 5 /dev/vdb", cancellationToken: Token))
                    .StandardOutput.Should()
                    .Be("layer\nlayer");
            again.GetForwardedEndPoint(22).Port.Should().BePositive();
            seen.Add(
                (
                    await again.Shell.RunAsync("cat /etc/machine-id; head -c 16 /dev/urandom | base64", cancellationToken: Token)
                ).StandardOutput
            );
            await again.Shell.RunAsync("echo dirty > /root/disk", cancellationToken: Token);
        }

        seen.Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public async Task What_runs_on_a_saved_machine_forks_saves_and_reboots_and_keeps_it_from_being_deleted()
    {
        await using (VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Hostname = "first" }, cancellationToken: Token))
        {
            await vm.Shell.RunAsync("echo one > /root/state", cancellationToken: Token);
            await vm.PauseAsync(Token);
            await vm.SaveAsync(_name, Token);
            vm.State.Should().Be(MachineState.Paused);
        }

        SavedMachine saved = SavedMachine.Find(_name)!;
        await using VirtualMachine again = await VirtualMachine.StartAsync(
            saved with
            {
                Spec = saved.Spec with { Hostname = "second", PortForwards = [new PortForward(22)], Secrets = ["hunter2"] },
            },
            cancellationToken: Token
        );
        (await again.Shell.RunAsync("hostname; cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("second\none\n");
        VirtualMachine[] heirs = await again.ForkAsync(1, Token);
        await using VirtualMachine heir = heirs[0];
        (await heir.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("one\n");
        FluentActions.Invoking(saved.Delete).Should().Throw<SavedMachineException>().WithMessage("*machines run on it*");
        await FluentActions
            .Awaiting(() => again.SaveAsync(_name, Token))
            .Should()
            .ThrowAsync<HostNotReadyException>()
            .WithMessage("*machines run on it*");
        await again.RebootAsync(cancellationToken: Token);
        (await again.Shell.RunAsync("cat /root/state", cancellationToken: Token)).StandardOutput.Should().Be("one\n");

        await heir.KillAsync();
        await again.KillAsync();
        saved.Delete();
        SavedMachine.Find(_name).Should().BeNull();
        await FluentActions
            .Awaiting(() => VirtualMachine.StartAsync(saved, cancellationToken: Token))
            .Should()
            .ThrowAsync<SavedMachineException>()
            .WithMessage($"There is no saved machine '{_name}'.*");
    }

    [Fact]
    public async Task A_saved_machine_needs_no_image_and_stays_when_templates_go()
    {
        await using (VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token))
        {
            await vm.Shell.RunAsync("echo one > /root/state", cancellationToken: Token);
            await vm.SaveAsync(_name, Token);
        }

        TemplateEviction.Run(CacheFolder.Templates, keep: "", room: long.MaxValue);
        SavedNote note = SavedStore.Find(_name)!;

        note.Image.Files.Should().OnlyContain(file => Path.GetDirectoryName(file) == SavedStore.FolderOf(_name));
        string backing = QcowHeader.FindFault(Path.Combine(SavedStore.FolderOf(_name), "disk.qcow2"), QcowBacking.One, out QcowFacts facts)
            is null
            ? facts.BackingFile!
            : "";
        backing.Should().Be(note.Image.DiskPath);
    }

    [Fact]
    public async Task It_is_refused_on_a_host_where_it_can_not_run_and_with_another_description()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec(), cancellationToken: Token);
        SavedMachine saved = await vm.SaveAsync(_name, Token);

        SavedHost here = saved.Note.Host;
        here.FindObstacle(here).Should().BeNull();
        here.FindObstacle(here with { Qemu = "9.1" }).Should().Be($"it was saved by QEMU {here.Qemu}, and this is 9.1");
        here.FindObstacle(here with { Protocol = 99 }).Should().Contain("99");
        here.FindObstacle(here with { Processor = "model name : Other" }).Should().BeNull("TCG's processor is QEMU's own");
        here.FindObstacle(here with { Processor = "model name : Other", Kilohertz = here.Kilohertz * 2 })
            .Should()
            .Contain("time stamp counter");
        (here with { Accelerator = Accelerator.Kvm })
            .FindObstacle(here with { Processor = "model name : Other" })
            .Should()
            .Contain("another processor")
            .And.Contain("Other");
        await FluentActions
            .Awaiting(() => VirtualMachine.StartAsync(saved with { Spec = saved.Spec with { MemoryMiB = 256 } }, cancellationToken: Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("*only PortForwards, *");
        await FluentActions
            .Awaiting(() => vm.SaveAsync("../x", Token))
            .Should()
            .ThrowAsync<ArgumentException>()
            .WithMessage("\"../x\" is no name*");
        var unreadable = new SavedMachine(saved.Note with { Definition = """{ "machines": { "machine": { "colour": "red" } } }""" });
        (await unreadable.FindObstacleAsync(Token)).Should().Contain("can't read what it is").And.Contain("colour");
        await FluentActions
            .Awaiting(() => VirtualMachine.StartAsync(unreadable, cancellationToken: Token))
            .Should()
            .ThrowAsync<SavedMachineException>()
            .WithMessage("*colour*");
        string state = Path.Combine(SavedStore.FolderOf(_name), TemplateFiles.State);
        await File.AppendAllTextAsync(state, "x", Token);
        await FluentActions
            .Awaiting(() => VirtualMachine.StartAsync(saved, cancellationToken: Token))
            .Should()
            .ThrowAsync<SavedMachineException>()
            .WithMessage($"The saved machine '{_name}' can't be used.*Reason: its device state has changed*");
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task It_is_exported_and_imported_by_the_command_and_goes_on_elsewhere()
    {
        using var testvm = new TestVm();
        await using (
            VirtualMachine vm = await VirtualMachine.StartAsync(
                new MachineSpec
                {
                    Secrets = ["hunter2"],
                    Disks = [new Disk(16)],
                    PortForwards = [new PortForward(22)],
                },
                cancellationToken: Token
            )
        )
        {
            await vm.Shell.RunAsync("echo kept > /root/disk; echo kept > /dev/shm/memory; echo extra > /dev/vdb", cancellationToken: Token);
            await vm.SaveAsync(_name, Token);
        }

        string file = Path.Combine(_folder, "saved.tar.zst");
        (await testvm.DoAsync("saved", "list")).Should().Contain(_name).And.Contain("yes");
        (await testvm.RunAsync("saved", "export", _name, file)).Error.Should().Contain("has secrets").And.Contain("--with-secrets");
        string sum = (await testvm.DoAsync("saved", "export", _name, file, "--with-secrets")).Trim();
        Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file, Token))).Should().Be(sum);
        File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await testvm.DoAsync("saved", "remove", _name);
        SavedMachine.Find(_name).Should().BeNull();
        (await testvm.RunAsync("saved", "import", file, "--sha256", new string('0', 64)))
            .Error.Should()
            .Contain("not the file that was meant");

        (await testvm.DoAsync("saved", "import", file, "--sha256", sum)).Trim().Should().Be(_name);

        await using VirtualMachine again = await VirtualMachine.StartAsync(SavedMachine.Find(_name)!, cancellationToken: Token);
        (await again.Shell.RunAsync("cat /root/disk /dev/shm/memory; head -c 5 /dev/vdb", cancellationToken: Token))
            .StandardOutput.Should()
            .Be("kept\nkept\nextra");
        await again.RebootAsync(cancellationToken: Token);
        (await again.Shell.RunAsync("cat /root/disk", cancellationToken: Token)).StandardOutput.Should().Be("kept\n");

        // Cut short, and with another file's sum.
        byte[] whole = await File.ReadAllBytesAsync(file, Token);
        await File.WriteAllBytesAsync(file, whole[..^1000], Token);
        string cut = Convert.ToHexStringLower(SHA256.HashData(whole[..^1000]));
        (await testvm.RunAsync("saved", "import", file, "--sha256", cut, "--name", "cut")).Error.Should().Contain("can't be imported");
        SavedMachine.Find("cut").Should().BeNull();
    }
}
