using System.Collections;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using FluentAssertions;
using TestHarness.Machines;
using Xunit;

namespace TestHarness.Tests.Templates;

[Fault(
    "Two specs differ in a single member, such as the end point of a `GuestReach`.",
    "A spare of one spec is never handed out for the other."
)]
public sealed class SpareKeyTests
{
    /// <summary>Every member of <see cref="MachineSpec"/> and of the records inside it, each varied alone.</summary>
    public static TheoryData<string> Members =>
        new(Variations(typeof(MachineSpec), nameof(MachineSpec)).Select(variation => variation.Member).Distinct());

    [Theory]
    [MemberData(nameof(Members))]
    public void Is_another_where_a_member_that_matters_is_another(string member)
    {
        string[] keys =
        [
            .. Variations(typeof(MachineSpec), nameof(MachineSpec))
                .Where(variation => variation.Member == member)
                .Select(variation => SpareKey.Of((MachineSpec)variation.Value)),
        ];

        keys.Distinct()
            .Should()
            .HaveCount(
                SpareKey.Ignored.Contains(member) ? 1 : keys.Length,
                "{0} has to be in SpareKey.Of, or in SpareKey.Ignored where it says nothing of the machine",
                member
            );
    }

    [Fact]
    public void Tells_end_points_apart()
    {
        EndPoint[] hosts =
        [
            new IPEndPoint(IPAddress.Loopback, 1),
            new IPEndPoint(IPAddress.Loopback, 2),
            new IPEndPoint(IPAddress.IPv6Loopback, 1),
            new IPEndPoint(IPAddress.Any, 1),
            new DnsEndPoint("127.0.0.1", 1),
            new DnsEndPoint("localhost", 1),
            new DnsEndPoint("localhost", 2),
            new DnsEndPoint("localhost", 1, AddressFamily.InterNetwork),
            new UnixDomainSocketEndPoint("/run/a"),
            new UnixDomainSocketEndPoint("/run/b"),
            new UnixDomainSocketEndPoint("@a"),
            new UnixDomainSocketEndPoint("\0a"),
        ];

        hosts.Select(host => SpareKey.Of(new MachineSpec { GuestReaches = [new GuestReach(80, host)] })).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void Keeps_machines_apart_that_lead_to_different_services()
    {
        SparePool PoolFor(EndPoint host) => SparePool.Of(new MachineSpec { Spares = 1, GuestReaches = [new GuestReach(80, host)] });

        PoolFor(new IPEndPoint(IPAddress.Loopback, 1)).Should().NotBeSameAs(PoolFor(new IPEndPoint(IPAddress.Loopback, 2)));
        PoolFor(new UnixDomainSocketEndPoint("/run/a")).Should().BeSameAs(PoolFor(new UnixDomainSocketEndPoint("/run/a")));
    }

    [Fact]
    public void Is_the_same_for_equal_values()
    {
        MachineSpec Make() =>
            new()
            {
                Disks = [new Disk(8)],
                GuestReaches = [new GuestReach(80, new IPEndPoint(IPAddress.Loopback, 8080))],
                CloudInit = new CloudInit { Packages = ["jq"] },
            };

        SpareKey.Of(Make() with { Spares = 2 }).Should().Be(SpareKey.Of(Make() with { Spares = 3 }));
    }

    // Objects of a type that differ from its sample in one member each, and are otherwise alike; by the member's name.
    private static IEnumerable<(string Member, object Value)> Variations(Type type, string name)
    {
        foreach (PropertyInfo member in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(member => member.CanWrite))
        {
            foreach ((string path, object? value) in Values(member.PropertyType, $"{name}.{member.Name}"))
            {
                object varied = Sample(type);
                member.SetValue(varied, value);
                yield return (path, varied);
            }
        }
    }

    // Values that a member of a type may have, all different.
    private static IEnumerable<(string Member, object? Value)> Values(Type type, string member)
    {
        if (Item(type) is { } item)
        {
            yield return (member, Array.CreateInstance(item, 0));
            foreach ((string path, object? value) in Values(item, member))
            {
                var list = Array.CreateInstance(item, 1);
                list.SetValue(value, 0);
                yield return (path, list);
            }
        }
        else if (type == typeof(SetupStep))
        {
            foreach (SetupStep step in Steps)
                yield return (member, step);
        }
        else if (type.Assembly == typeof(MachineSpec).Assembly && type.IsClass)
        {
            // By its own members: that it is there at all shows in each of them.
            foreach ((string path, object value) in Variations(type, type.Name))
                yield return (path, value);
        }
        else
        {
            foreach (object value in Simple(type))
                yield return (member, value);
        }
    }

    private static SetupStep[] Steps =>
        [
            SetupStep.Install("a"),
            SetupStep.Install("a") with
            {
                Recommended = true,
            },
            SetupStep.Install("b"),
            SetupStep.Push("/etc/hostname", "/a"),
            SetupStep.Push("/etc/passwd", "/a"),
            SetupStep.Push("/etc/hostname", "/b"),
            SetupStep.Push("/etc/hostname", "/a", new SyncOptions { Owner = "www-data" }),
            SetupStep.Write("/a", "a"),
            SetupStep.Write("/a", "b"),
            SetupStep.Write("/a", "a", new GuestFileOptions { Owner = "www-data" }),
            SetupStep.Run("a"),
            SetupStep.Run("a") with
            {
                User = "nobody",
            },
            SetupStep.Run("a") with
            {
                Environment = new Dictionary<string, string> { ["a"] = "b" },
            },
            SetupStep.WaitForPort(1),
            SetupStep.WaitForUnit("a"),
            SetupStep.WaitForText("a"),
            SetupStep.WaitForJournal("a"),
            SetupStep.WaitForFile("/a"),
            SetupStep.WaitForHttp("http://localhost/"),
            SetupStep.Reboot(),
            SetupStep.DotNetRuntime(),
            SetupStep.DotNetRuntime(aspNetCore: true),
            SetupStep.Do("a", (_, _) => Task.CompletedTask),
        ];

    private static object[] Simple(Type type) =>
        Nullable.GetUnderlyingType(type) is { } inner ? Simple(inner)
        : type.IsEnum ? [.. Enum.GetValues(type).Cast<object>().Take(2)]
        : type == typeof(string) ? ["a", "b"]
        : type == typeof(bool) ? [false, true]
        : type == typeof(int) ? [7, 8]
        : type == typeof(TimeSpan) ? [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)]
        : type == typeof(DateTimeOffset) ? [DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddSeconds(1)]
        : type == typeof(MacAddress) ? [MacAddress.For("a"), MacAddress.For("b")]
        : type == typeof(IPAddress) ? [IPAddress.Loopback, IPAddress.Any]
        : type == typeof(EndPoint) ? [new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2)]
        : throw new InvalidOperationException($"Say here which two values of {type} differ.");

    private static Type? Item(Type type) =>
        type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type) ? type.GetGenericArguments().Single() : null;

    private static object Sample(Type type) =>
        type == typeof(MachineSpec) ? new MachineSpec()
        : type == typeof(PortForward) ? new PortForward(1)
        : type == typeof(GuestReach) ? new GuestReach(1, new IPEndPoint(IPAddress.Loopback, 1))
        : type == typeof(Disk) ? new Disk(1)
        : type == typeof(Card) ? new Card("sample")
        : type == typeof(HostShare) ? new HostShare("/a", "/b")
        : type == typeof(CloudInit) ? new CloudInit()
        : type == typeof(CloudUser) ? new CloudUser("sample")
        : type == typeof(CloudFile) ? new CloudFile("/sample", "")
        : type == typeof(SshAccess) ? new SshAccess()
        : throw new InvalidOperationException($"Say here how a {type} is made.");
}
