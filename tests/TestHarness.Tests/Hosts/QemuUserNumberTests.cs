using FluentAssertions;
using TestHarness.Hosts;
using Xunit;

namespace TestHarness.Tests.Hosts;

/// <summary>Which number root's QEMUs get, by what the host's files say.</summary>
public sealed class QemuUserNumberTests
{
    private const string All = "         0          0 4294967295";

    [Theory]
    [InlineData("nobody:x:65534:65534:nobody:/:/bin/false", "kvm:x:107:", "u:100000:65536", All, 60900u)]
    [InlineData("a:x:60900:60900::/:/bin/sh", "", "", All, 60901u)]
    [InlineData("a:x:60900:60900::/:/bin/sh", "b:x:60901:\nbroken\n:::", "", All, 60902u)]
    [InlineData("", "", "u:60000:950", All, 60950u)]
    [InlineData("", "", "", "0 1000 65536", 60900u)]
    public void Is_the_first_that_is_nobodys(string users, string groups, string lent, string map, uint number) =>
        Choose(users, groups, lent, map).Should().Be(number);

    [Theory]
    [InlineData("", "0 1000 1")]
    [InlineData("", "0 1000 60900")]
    [InlineData("u:10000:65536", All)]
    public void Is_none_where_none_is_free(string lent, string map) => Choose("", "", lent, map).Should().BeNull();

    [Fact]
    public void Is_nobodys_on_this_host() =>
        (QemuUserNumber.Choose() is var number && number is >= QemuUserNumber.First and <= QemuUserNumber.Last).Should().BeTrue();

    private static uint? Choose(string users, string groups, string lent, string map) =>
        QemuUserNumber.Choose(file =>
            file switch
            {
                "/etc/passwd" => users.Split('\n'),
                "/etc/group" => groups.Split('\n'),
                "/etc/subuid" => lent.Split('\n'),
                "/proc/self/uid_map" or "/proc/self/gid_map" => [map],
                _ => [],
            }
        );
}
