using System.Text;
using System.Text.RegularExpressions;
using FluentAssertions;
using TestHarness.Seeds;
using Xunit;

namespace TestHarness.Tests.Seeds;

public sealed class CloudSeedTests
{
    private const string Text = "#cloud-config\npackages: [jq] # é\n";

    [Fact]
    public void Is_not_there_where_nothing_is_wanted() => CloudSeed.For(null, needsAgent: false).Should().BeNull();

    [Fact]
    public void Leaves_the_users_text_as_it_is_where_the_image_has_the_agent()
    {
        CloudSeed seed = CloudSeed.For(new CloudInit { UserData = Text }, needsAgent: false)!;

        seed.UserData(keys: null).Should().Be(Text);
        seed.MetaData.Should().Be($"instance-id: \"testharness-{seed.Key}\"\n");
        seed.Files(seed.UserData(keys: null)).Select(file => file.Name).Should().Equal("user-data", "meta-data");
    }

    [Fact]
    public void Keeps_an_instance_id_of_the_users_own() =>
        CloudSeed
            .For(new CloudInit { MetaData = "instance-id: mine\n", NetworkConfig = "version: 2\n" }, needsAgent: false)!
            .Files("")
            .Should()
            .Equal(("user-data", ""), ("meta-data", "instance-id: mine\n"), ("network-config", "version: 2\n"));

    [Fact]
    public void Has_another_key_for_each_content_and_the_same_for_the_same()
    {
        CloudInit plain = new() { UserData = Text };
        string[] keys =
        [
            Key(plain),
            Key(plain with { UserData = Text + "#" }),
            Key(plain with { MetaData = "a: b" }),
            Key(plain with { NetworkConfig = "a: b" }),
            CloudSeed.For(plain, needsAgent: true)!.Key,
            CloudSeed.For(null, needsAgent: true)!.Key,
        ];

        keys.Should().OnlyHaveUniqueItems();
        Key(plain with { UserData = new StringBuilder(Text).ToString() }).Should().Be(keys[0]);
    }

    [Fact]
    public void Brings_the_agent_in_a_part_of_its_own_before_the_users()
    {
        string message = CloudSeed.For(new CloudInit { UserData = Text }, needsAgent: true)!.UserData(keys: null);
        string boundary = Regex.Match(message, "boundary=\"(.+)\"").Groups[1].Value;
        string[] parts = message.Split($"--{boundary}");

        message
            .Should()
            .StartWith("Content-Type: multipart/mixed;")
            .And.Contain("\nMIME-Version: 1.0\n\n")
            .And.EndWith($"\n--{boundary}--\n")
            .And.NotContain("\r");
        parts[1]
            .Should()
            .StartWith("\nContent-Type: text/cloud-boothook;")
            .And.Contain("\n\n#cloud-boothook\n#!/bin/sh\n")
            .And.Contain("ExecStart=/usr/sbin/testharness-agent\n");
        parts[2].Should().StartWith("\nContent-Type: text/plain;");
        Encoding.UTF8.GetString(Convert.FromBase64String(parts[2].Split("\n\n")[1])).Should().Be(Text);
    }

    [Fact]
    public void Keeps_the_parts_of_a_message_of_the_users()
    {
        const string Message = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--x\n\n#!/bin/sh\n--x--\n";

        CloudSeed.For(new CloudInit { UserData = Message }, needsAgent: true)!.UserData(keys: null).Should().Contain($"\n{Message}");
    }

    private static string Key(CloudInit cloudInit) => CloudSeed.For(cloudInit, needsAgent: false)!.Key;
}
