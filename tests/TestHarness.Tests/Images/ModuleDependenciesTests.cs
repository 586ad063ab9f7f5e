using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

public sealed class ModuleDependenciesTests
{
    private readonly ModuleDependencies _modules = ModuleDependencies.Parse(
        """
        kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
        kernel/drivers/virtio/virtio_ring.ko:
        kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
        kernel/drivers/char/hw_random/virtio-rng.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
        kernel/a.ko: kernel/b.ko
        kernel/b.ko: kernel/a.ko
        """
    );

    [Fact]
    public void Puts_what_a_module_needs_before_it_and_names_each_once() =>
        _modules
            .InLoadOrder(["virtio_pci", "virtio_rng", "virtio"], out _)
            .Should()
            .Equal(
                "kernel/drivers/virtio/virtio_ring.ko",
                "kernel/drivers/virtio/virtio.ko",
                "kernel/drivers/virtio/virtio_pci.ko",
                "kernel/drivers/char/hw_random/virtio-rng.ko.xz"
            );

    [Theory]
    [InlineData("virtio-rng")]
    [InlineData("virtio_rng")]
    public void Takes_a_dash_and_an_underscore_for_the_same(string name) =>
        _modules.InLoadOrder([name], out _).Should().EndWith("kernel/drivers/char/hw_random/virtio-rng.ko.xz");

    [Fact]
    public void Names_all_modules_that_are_unknown()
    {
        _modules.InLoadOrder(["ext5", "virtio", "ext6"], out IReadOnlyList<string> unknown);

        unknown.Should().Equal("ext5", "ext6");
    }

    [Fact]
    public void Ends_when_modules_need_each_other() => _modules.InLoadOrder(["a"], out _).Should().Equal("kernel/b.ko", "kernel/a.ko");
}
