using System.Net;
using FluentAssertions;
using TestHarness.Networks;
using Xunit;

namespace TestHarness.Tests.Networks;

public sealed class AddressBookTests
{
    private readonly AddressBook _book = new(
        new Dictionary<string, NetworkSpec>
        {
            ["own"] = new() { Subnet = IPNetwork.Parse("192.168.5.8/29"), Mtu = 9000 },
        }
    );

    [Fact]
    public void Gives_each_machine_the_next_address_of_both_families_and_the_same_card_each_time()
    {
        CardAddress db = Enter("db", new Card("lan"))[0];
        IReadOnlyList<CardAddress> web = Enter("web", new Card("storage"), new Card("lan"));

        db.Addresses.Select(address => $"{address}").Should().Equal("10.77.1.10", "fd77:7e57:0:1::a");
        web.SelectMany(card => card.Addresses)
            .Select(address => $"{address}")
            .Should()
            .Equal("10.77.2.10", "fd77:7e57:0:2::a", "10.77.1.11", "fd77:7e57:0:1::b");
        db.Mac.Should().Be(MacAddress.For("db.lan"));
        $"{db}".Should().Be("10.77.1.10");
    }

    [Fact]
    public void Takes_the_addresses_that_are_given_and_passes_them_over()
    {
        var given = new Card("lan")
        {
            Addresses = [IPAddress.Parse("10.77.1.10"), IPAddress.Parse("10.77.1.200")],
            Mac = MacAddress.For("mine"),
            Mtu = 1400,
        };
        CardAddress card = Enter("a", given)[0];

        card.Addresses.Select(address => $"{address}").Should().Equal("10.77.1.10", "10.77.1.200", "fd77:7e57:0:1::a");
        (card.Mac, card.Mtu).Should().Be((MacAddress.For("mine"), 1400));
        $"{Enter("b", new Card("lan"))[0]}".Should().Be("10.77.1.11");
    }

    [Fact]
    public void Refuses_what_is_taken_or_none_of_the_networks_and_says_whose_it_is()
    {
        Enter("a", new Card("lan") { Mac = MacAddress.For("x") });

        Refusal(new Card("lan") { Mac = MacAddress.For("x") }).Should().Contain("is that of \"a\"");
        Refusal(new Card("lan") { Addresses = [IPAddress.Parse("10.77.1.10")] }).Should().Contain("is that of \"a\"");
        Refusal(new Card("lan") { Addresses = [IPAddress.Parse("10.9.9.9")] })
            .Should()
            .Contain("10.77.1.0/24")
            .And.Contain("ClusterSpec.Networks");
        Refusal(new Card("own") { Addresses = [IPAddress.Parse("192.168.5.16")] }).Should().Contain("192.168.5.8/29");
        // What was refused has taken nothing.
        $"{Enter("b", new Card("lan"))[0]}".Should().Be("10.77.1.11");
    }

    [Fact]
    public void Says_when_a_network_is_full()
    {
        for (int index = 0; index < 5; index++)
            Enter($"m{index}", new Card("own"));

        Refusal(new Card("own")).Should().Contain("no address left").And.Contain("192.168.5.8/29");
    }

    [Fact]
    public void Names_all_machines_and_those_on_a_common_network_by_their_short_names()
    {
        Enter("db", new Card("lan"), new Card("storage"));
        Enter("web", new Card("lan"));
        Enter("far", new Card("storage"));

        string[] forWeb = _book.HostsFor("web").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        forWeb
            .Should()
            .Contain([
                "10.77.1.10\tdb db.lan",
                "fd77:7e57:0:1::a\tdb db.lan",
                "10.77.2.10\tdb.storage",
                "10.77.1.11\tweb.lan",
                "10.77.2.11\tfar far.storage",
            ]);
        _book.HostsFor("far").Should().Contain("10.77.2.10\tdb db.storage\n").And.Contain("10.77.1.10\tdb.lan\n");
        _book.Remove("far");
        _book.HostsFor("web").Should().NotContain("far");
        $"{Enter("next", new Card("storage"))[0]}".Should().Be("10.77.2.11");
    }

    private IReadOnlyList<CardAddress> Enter(string name, params Card[] cards) => _book.Enter(name, cards);

    private string Refusal(Card card) =>
        FluentActions.Invoking(() => Enter("other", card)).Should().Throw<ArgumentException>().Which.Message;
}
