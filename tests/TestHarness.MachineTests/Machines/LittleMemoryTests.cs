using System.Diagnostics;
using FluentAssertions;
using TestHarness.MachineTests.Templates;
using Xunit;

namespace TestHarness.MachineTests.Machines;

/// <summary>Machines with too little memory, or more kernel arguments than a kernel takes.</summary>
[Fault(
    "The guest has too little memory to come up. The kernel's command line is longer than 2,047 bytes.",
    "An image of a recipe is refused before QEMU starts, with the memory that it needs. Another image fails with "
        + "`GuestOutOfMemory`. The command line is refused with its length.",
    "SpecValidationTests"
)]
public sealed class LittleMemoryTests(Tiny tiny)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_start_that_cannot_succeed_is_refused_before_QEMU_starts()
    {
        Func<Task> little = () => VirtualMachine.StartAsync(new MachineSpec { MemoryMiB = 64 }, cancellationToken: Token);
        Func<Task> much = () =>
            VirtualMachine.StartAsync(new MachineSpec { KernelArguments = new string('x', 2000) }, cancellationToken: Token);
        long asked = Stopwatch.GetTimestamp();

        (await little.Should().ThrowAsync<ArgumentException>()).WithMessage("*MemoryMiB is 64: the image 'tiny' needs at least 96*");
        (await much.Should().ThrowAsync<ArgumentException>()).WithMessage(
            "*KernelArguments has 2000 bytes, which makes the kernel's command line 2* bytes long*it takes 2047*"
        );

        Stopwatch.GetElapsedTime(asked).Should().BeLessThan(TimeSpan.FromSeconds(5));
    }

    [Trait("Speed", "Slow")]
    [Fact]
    public async Task An_image_comes_up_with_the_least_memory_of_its_recipe()
    {
        await using VirtualMachine vm = await VirtualMachine.StartAsync(
            new MachineSpec { MemoryMiB = 96, Start = StartMode.Cold },
            cancellationToken: Token
        );

        (await vm.Shell.RunAsync("true", cancellationToken: Token)).ExitCode.Should().Be(0);
    }

    [Theory]
    [InlineData(80, "the guest's kernel ran out of memory and panicked: System is deadlocked on memory")]
    [InlineData(64, "it has not written anything, and 64 MiB of memory are too little for most kernels")]
    public async Task A_disk_of_ones_own_is_told_that_its_memory_is_too_small(int memory, string reason)
    {
        string image = await UsualCache.ImageFolderOfAsync(tiny.Machine, Token);
        var spec = new MachineSpec
        {
            Image = Path.Combine(image, "disk.qcow2"),
            Kernel = Path.Combine(image, "vmlinux"),
            Initrd = Path.Combine(image, "initrd"),
            KernelArguments = "root=/dev/vda rw",
            MemoryMiB = memory,
            Start = StartMode.Cold,
            // A kernel that panics says so; the other one says nothing.
            NoProgressTimeout = TimeSpan.FromSeconds(memory == 64 ? 3 : 60),
        };

        MachineStartException thrown = (
            await FluentActions
                .Awaiting(() => VirtualMachine.StartAsync(spec, cancellationToken: Token))
                .Should()
                .ThrowAsync<MachineStartException>()
        ).Which;

        thrown.Fault.Should().Be(MachineFault.GuestOutOfMemory);
        thrown.Message.Should().Contain(reason).And.Contain("Try: give the machine more memory (MachineSpec.MemoryMiB).");
    }
}
