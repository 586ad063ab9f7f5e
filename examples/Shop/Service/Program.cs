using System.Diagnostics;

// A shop that has one page: what is on its shelves. The database is asked by its own client, as the service's user.
WebApplication app = WebApplication.CreateSlimBuilder(args).Build();
app.MapGet("/health", () => "ok\n");
app.MapGet("/products", async () => await QueryAsync("select name from products order by name"));
await app.RunAsync("http://127.0.0.1:5000");

static async Task<string> QueryAsync(string query)
{
    using Process psql = Process.Start(new ProcessStartInfo("psql", ["-At", "-d", "shop", "-c", query]) { RedirectStandardOutput = true })
        ?? throw new InvalidOperationException("psql did not start.");
    string rows = await psql.StandardOutput.ReadToEndAsync();
    await psql.WaitForExitAsync();
    return rows;
}
