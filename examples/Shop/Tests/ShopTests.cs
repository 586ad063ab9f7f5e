using System.Net;
using FluentAssertions;
using TestHarness;
using Xunit;

namespace Shop;

// Its first start installs and boots for minutes. The next ones take a part of a second.
[Trait("Speed", "Slow")]
public sealed class ShopTests(ShopMachine shop) : IClassFixture<ShopMachine>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_shop_shows_what_is_on_its_shelves()
    {
        await using VirtualMachine vm = await shop.StartFreshAsync(cancellationToken: Token);
        using var client = new HttpClient { BaseAddress = AddressOf(vm) };

        (await client.GetStringAsync("/shop/products", Token)).Should().Be("apples\npears\n");
    }

    [Fact]
    public async Task What_one_test_sells_is_there_again_for_the_next()
    {
        for (int turn = 0; turn < 2; turn++)
        {
            await using VirtualMachine vm = await shop.StartFreshAsync(cancellationToken: Token);
            ShellResult sold = await vm.Shell.RunAsync(
                "psql -At -d shop -c \"delete from products where name = 'pears' returning name\"",
                new ShellOptions { User = "shop" },
                Token
            );
            sold.StandardOutput.Should().StartWith("pears\n");
        }
    }

    private static Uri AddressOf(VirtualMachine vm)
    {
        IPEndPoint host = vm.GetForwardedEndPoint(8080);
        return new Uri($"http://{host}/");
    }
}
