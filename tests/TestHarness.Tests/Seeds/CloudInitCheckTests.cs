using FluentAssertions;
using Xunit;

namespace TestHarness.Tests.Seeds;

public sealed class CloudInitCheckTests
{
    [Fact]
    public void Refuses_invalid_YAML_with_line_and_column_before_anything_is_started() =>
        Refused(
                new CloudInit
                {
                    UserData = "#cloud-config\npackages:\n  - jq\n files: []\n",
                    MetaData = "a: 'x",
                    NetworkConfig = "- version: 2\n",
                }
            )
            .Should()
            .StartWith("The machine's spec has 3 mistake(s):")
            .And.Contain("CloudInit.UserData, line 4, column 2: While parsing a block mapping, did not find expected key.")
            .And.Contain("CloudInit.MetaData, line 1, column 4:")
            .And.Contain("CloudInit.NetworkConfig, line 1, column 1: A mapping (key: value) is expected here.");

    [Fact]
    public void Refuses_text_and_members_together() =>
        Refused(new CloudInit { UserData = "#cloud-config\n{}\n", Packages = ["jq"] })
            .Should()
            .Contain("put all into the text, or all into members");

    [Theory]
    [InlineData("packages: [jq]\n")]
    [InlineData("")]
    public void Refuses_a_text_that_cloud_init_would_ignore(string text) =>
        Refused(new CloudInit { UserData = text }).Should().Contain("CloudInit.UserData, line 1, column 1: cloud-init would ignore it");

    [Fact]
    public void Refuses_members_that_the_guest_would_stumble_over() =>
        Refused(new CloudInit { Users = [new CloudUser("Ada L")], Files = [new CloudFile("etc/motd", "") { Permissions = "rw" }] })
            .Should()
            .Contain("\"Ada L\" is not a user's name")
            .And.Contain("\"etc/motd\" is not an absolute path")
            .And.Contain("permissions \"rw\"");

    [Theory]
    [InlineData("#cloud-config\npackages: [jq]\n")]
    [InlineData("#!/bin/sh\necho 'not: [yaml'\n")]
    [InlineData("## template: jinja\n#cloud-config\nruncmd: [echo {{ v1.instance_id }}]\n")]
    [InlineData("#cloud-config-archive\n- type: text/cloud-config\n  content: x\n")]
    [InlineData("Content-Type: multipart/mixed; boundary=\"x\"\nMIME-Version: 1.0\n\n--x--\n")]
    public void Accepts_what_cloud_init_knows(string text)
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec { CloudInit = new CloudInit { UserData = text } });

        make.Should().NotThrow();
    }

    private static string Refused(CloudInit cloudInit)
    {
        Action make = () => _ = new VirtualMachine(new MachineSpec { CloudInit = cloudInit });

        return make.Should().Throw<ArgumentException>().Which.Message;
    }
}
