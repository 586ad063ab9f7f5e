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
    public void Passes_over_what_the_test_has_given_to_another_network()
    {
        var book = new AddressBook(
            new Dictionary<string, NetworkSpec>
            {
                ["own"] = new() { Subnet = IPNetwork.Parse("10.77.0.0/23"), Subnet6 = IPNetwork.Parse("fd77:7e57:0:2::/64") },
                ["all"] = new() { Subnet = IPNetwork.Parse("10.0.0.0/9") },
            }
        );

        book.Enter("a", [new Card("own")])[0].ToString().Should().Be("10.77.0.10");
        book.Invoking(one => one.Enter("b", [new Card("lan")])).Should().Throw<ArgumentException>().WithMessage("*\"lan\"*Subnet*");

        var smaller = new AddressBook(new Dictionary<string, NetworkSpec> { ["own"] = new() { Subnet = IPNetwork.Parse("10.77.0.0/23") } });
        smaller.Enter("a", [new Card("lan")])[0].ToString().Should().Be("10.77.2.10", "10.77.1 is within the other's");
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

    [Fact]
    public void A_guest_without_the_agent_has_the_IPv6_address_that_it_makes_by_itself()
    {
        var card = new Card("lan") { Mac = MacAddress.Parse("52:54:00:65:43:21") };
        CardAddress made = _book.Enter("legacy", [card], hasAgent: false)[0];
        var given = new Card("lan") { Addresses = [IPAddress.Parse("fd77:7e57:0:1::99")] };

        made.Addresses.Select(address => $"{address}").Should().Equal("10.77.1.10", "fd77:7e57:0:1:5054:ff:fe65:4321");
        $"{_book.Enter("other", [given], hasAgent: false)[0].IPv6}".Should().Be("fd77:7e57:0:1::99");
    }

    [Fact]
    public void A_guest_without_the_agent_needs_a_prefix_that_it_can_make_an_address_in()
    {
        var book = new AddressBook(
            new Dictionary<string, NetworkSpec>
            {
                ["narrow"] = new() { Subnet6 = IPNetwork.Parse("fd00::/80") },
                ["own"] = new() { Subnet6 = IPNetwork.Parse("fd00::/80"), Dhcp = false },
            }
        );

        book.Invoking(one => one.Enter("legacy", [new Card("narrow")], hasAgent: false))
            .Should()
            .Throw<ArgumentException>()
            .WithMessage("*\"legacy\"*\"narrow\"*fd00::/80*64*Subnet6*");
        $"{book.Enter("legacy", [new Card("own")], hasAgent: false)[0].IPv6}".Should().Be("fd00::a", "nobody tells it the prefix");
    }

    [Fact]
    public void The_switch_has_the_lowest_addresses_that_are_free()
    {
        Enter("router", new Card("lan") { Addresses = [IPAddress.Parse("10.77.1.1"), IPAddress.Parse("10.77.1.2")] });

        _book.TakeForSwitch("lan").Select(address => $"{address}").Should().Equal("10.77.1.3", "fd77:7e57:0:1::1");
        _book.TakeForSwitch("own").Select(address => $"{address}").Should().Equal("192.168.5.9", "fd77:7e57:0:2::1");
        $"{Enter("a", new Card("own"))[0]}".Should().Be("192.168.5.10");
        Refusal(new Card("lan") { Addresses = [IPAddress.Parse("10.77.1.3")] }).Should().Contain("is that of \"the switch\"");
    }

    [Fact]
    public void Knows_whose_a_card_is_and_what_a_name_leads_to_for_who_asks()
    {
        Enter("db", new Card("lan"), new Card("storage"));
        Enter("web", new Card("lan"));
        Enter("far", new Card("storage"));

        _book.OwnerOf("lan", MacAddress.For("db.lan"))!.Machine.Should().Be("db");
        _book.OwnerOf("storage", MacAddress.For("web.lan")).Should().BeNull();
        Found("web", "db").Should().Equal("10.77.1.10", "fd77:7e57:0:1::a");
        Found("far", "DB").Should().Equal("10.77.2.10", "fd77:7e57:0:2::a");
        Found("web", "db.storage").Should().Equal("10.77.2.10", "fd77:7e57:0:2::a");
        Found("web", "db.").Should().BeEmpty();

        IEnumerable<string> Found(string asker, string name) => _book.Find(asker, name).Select(address => $"{address}");
    }

    private IReadOnlyList<CardAddress> Enter(string name, params Card[] cards) => _book.Enter(name, cards);

    private string Refusal(Card card) =>
        FluentActions.Invoking(() => Enter("other", card)).Should().Throw<ArgumentException>().Which.Message;
}
