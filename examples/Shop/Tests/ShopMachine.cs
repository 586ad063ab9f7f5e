using TestHarness;
using TestHarness.Xunit;

namespace Shop;

/// <summary>A machine with the shop: nginx before a .NET service, and its database. Set up once, and fresh for each test.</summary>
public sealed class ShopMachine : VirtualMachineFixture
{
    private static readonly string Build = AppContext.BaseDirectory.Replace("/Tests/bin/", "/Service/bin/", StringComparison.Ordinal);

    private const string Database = """
        runuser -u postgres -- createuser shop
        runuser -u postgres -- createdb -O shop shop
        runuser -u shop -- psql -q -d shop -c "create table products (name text); insert into products values ('apples'), ('pears')"
        """;

    protected override MachineSpec Spec =>
        new()
        {
            Image = "debian-12",
            MemoryMiB = 1024,
            PortForwards = [new PortForward(8080)],
            Setup =
            [
                SetupStep.Install("nginx-light", "postgresql"),
                SetupStep.DotNetRuntime(aspNetCore: true),
                SetupStep.Run("adduser --system --group shop") with
                {
                    Name = "the service's user",
                },
                SetupStep.Run(Database) with
                {
                    Name = "the database",
                },
                SetupStep.Push("../Service/shop.service", "/etc/systemd/system/"),
                SetupStep.Push("../Service/nginx.conf", "/etc/nginx/conf.d/shop.conf"),
                SetupStep.Push(Build, "/opt/shop/"),
                SetupStep.Run("systemctl daemon-reload && systemctl reload nginx && systemctl enable --now shop"),
                SetupStep.WaitForHttp("http://127.0.0.1:8080/shop/health"),
            ],
        };
}
