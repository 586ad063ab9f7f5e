using FluentAssertions;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

public sealed class PackageSourcesTests
{
    private const string Targets = """
        Packages|Debian|bookworm|bookworm|main|http://mirror.example/debian/
        DEP-11|Debian|bookworm|bookworm|main|http://mirror.example/debian/
        Packages|Debian|bookworm|bookworm|contrib|http://mirror.example/debian/
        Packages|Debian|bookworm-updates|bookworm-updates|main|http://mirror.example/debian/
        Packages|Debian|bookworm-security|stable-security|main|http://security.example/debian-security
        Packages|Debian|bookworm-backports|bookworm-backports|main|http://mirror.example/debian/
        Packages|Example Corp|bookworm|bookworm|main|https://packages.example/apt
        """;

    [Fact]
    public void Takes_the_hosts_sources_of_the_suite_and_no_third_partys() =>
        PackageSources
            .Select(Targets, "http://other.example", "debian", "bookworm")
            .Should()
            .Equal(
                "deb http://mirror.example/debian bookworm main contrib",
                "deb http://mirror.example/debian bookworm-updates main",
                "deb http://security.example/debian-security stable-security main"
            );

    [Theory]
    [InlineData(Targets, "debian", "trixie")]
    [InlineData(Targets, "ubuntu", "bookworm")]
    [InlineData("Packages|Debian|bookworm-updates|bookworm-updates|main|http://mirror.example/debian/", "debian", "bookworm")]
    [InlineData("Packages|$(ORIGIN)|$(CODENAME)|bookworm|main|http://mirror.example/debian/", "debian", "bookworm")]
    [InlineData("", "debian", "bookworm")]
    public void Takes_the_mirror_where_the_host_does_not_have_the_suite(string targets, string distribution, string suite)
    {
        PackageSources
            .Select(targets, "http://other.example/", distribution, suite)
            .Should()
            .Equal($"deb http://other.example {suite} main");
        PackageSources.Select(targets, null, distribution, suite).Should().BeEmpty();
    }

    [Fact]
    public void Passes_on_proxies_and_certificates_only() =>
        PackageSources
            .SelectTransport(
                """
                APT::Architecture "amd64";
                Acquire::http::Proxy "http://proxy.example:3128";
                Acquire::https::Proxy::mirror.example "DIRECT";
                Acquire::https::CaInfo "/etc/ssl/own.crt";
                Acquire::http::Dl-Limit "70";
                Acquire::http::Proxy "";
                """
            )
            .Should()
            .Equal(
                "Acquire::http::Proxy \"http://proxy.example:3128\";",
                "Acquire::https::Proxy::mirror.example \"DIRECT\";",
                "Acquire::https::CaInfo \"/etc/ssl/own.crt\";"
            );
}
