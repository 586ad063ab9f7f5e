using FluentAssertions;
using TestHarness.Seeds;
using Xunit;

namespace TestHarness.Tests.Seeds;

public sealed class CloudConfigTests
{
    [Fact]
    public void Writes_all_members() =>
        CloudConfig
            .Write(
                new CloudInit
                {
                    Users =
                    [
                        new CloudUser("ada")
                        {
                            AuthorizedKeys = ["ssh-ed25519 A ada"],
                            Groups = ["adm"],
                            Sudo = "ALL=(ALL) NOPASSWD:ALL",
                        },
                        new CloudUser("bob"),
                    ],
                    AuthorizedKeys = ["ssh-ed25519 B all"],
                    Packages = ["jq"],
                    Files =
                    [
                        new CloudFile("/etc/motd", "hello\n"),
                        new CloudFile("/srv/x", "") { Permissions = "0600", Owner = "ada:ada" },
                    ],
                    Commands = ["echo 'a: b'"],
                }
            )
            .Should()
            .Be(
                """
                #cloud-config
                users:
                - "default"
                - name: "ada"
                  ssh_authorized_keys:
                  - "ssh-ed25519 A ada"
                  groups:
                  - "adm"
                  sudo: "ALL=(ALL) NOPASSWD:ALL"
                - name: "bob"
                ssh_authorized_keys:
                - "ssh-ed25519 B all"
                disable_root: false
                packages:
                - "jq"
                write_files:
                - path: "/etc/motd"
                  content: "hello\n"
                  permissions: "0644"
                  owner: "root:root"
                - path: "/srv/x"
                  content: ""
                  permissions: "0600"
                  owner: "ada:ada"
                  defer: true
                runcmd:
                - "set -e"
                - "echo 'a: b'"

                """
            );

    [Fact]
    public void Writes_nothing_for_nothing() => CloudConfig.Write(new CloudInit()).Should().Be("#cloud-config\n{}\n");
}
