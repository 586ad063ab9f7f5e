using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TestHarness.Tests.Images;

/// <summary>
/// A simplestreams source as a publisher makes one, served on 127.0.0.1; a test changes what it wants to be wrong before it is served.
/// </summary>
internal sealed class StreamTree : IAsyncDisposable
{
    public const string Product = "com.example.cloud:server:22.04:amd64";

    private const string ProductsFile = "streams/v1/com.example.cloud:released:download";

    private readonly FileServer _server;

    public StreamTree()
    {
        Files["server/20240101/disk.img"] = Disk(1);
        Files["server/20240301/disk.img"] = Disk(2);
        Index = new JsonObject
        {
            ["format"] = "index:1.0",
            ["index"] = new JsonObject
            {
                ["com.example.cloud:released:aws"] = new JsonObject
                {
                    ["datatype"] = "image-ids",
                    ["format"] = "products:1.0",
                    ["path"] = "../aws.json",
                },
                ["com.example.cloud:released:download"] = new JsonObject
                {
                    ["datatype"] = "image-downloads",
                    ["format"] = "products:1.0",
                    ["path"] = $"{ProductsFile}.json",
                },
            },
        };
        Products = new JsonObject
        {
            ["format"] = "products:1.0",
            ["products"] = new JsonObject
            {
                [Product] = NewProduct(
                    "amd64",
                    "jammy",
                    "22.04",
                    ("20240101", "server/20240101/disk.img"),
                    ("20240301", "server/20240301/disk.img")
                ),
                ["com.example.cloud:server:22.04:arm64"] = NewProduct("arm64", "jammy", "22.04", ("20240301", "server/20240301/disk.img")),
                ["com.example.cloud:server:24.04:amd64"] = NewProduct("amd64", "noble", "24.04", ("20240301", "server/20240301/disk.img")),
            },
        };
        _server = new FileServer(request =>
        {
            string path = Uri.UnescapeDataString(request.Path)["/root/".Length..];
            return Files.TryGetValue(path, out byte[]? content)
                ? Change(path, FileServer.Serve(content, request))
                : new FileServer.Answer { Status = "404 Not Found" };
        });
    }

    public Dictionary<string, byte[]> Files { get; } = [];

    public JsonObject Index { get; }

    public JsonObject Products { get; }

    /// <summary>Changes how a file is sent.</summary>
    public Func<string, FileServer.Answer, FileServer.Answer> Change { get; set; } = (_, answer) => answer;

    public string Address => _server.Address("/root/");

    public IEnumerable<FileServer.Request> Requests => _server.Requests;

    public JsonObject Newest => Products["products"]![Product]!["versions"]!["20240301"]!["items"]!["disk1.img"]!.AsObject();

    /// <summary>Makes a qcow2 disk of a megabyte that no other number gives.</summary>
    public static byte[] Disk(int number, params string[] options)
    {
        string path = Path.GetTempFileName();
        try
        {
            Run("qemu-img", ["create", "-q", "-f", "qcow2", .. options, path, $"{number}M"]);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public static string Sum(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static void Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program}: {error}");
    }

    /// <summary>Publishes index and products, signed where there is a key.</summary>
    public StreamTree Publish(SigningKey? key = null)
    {
        foreach ((string file, JsonObject json) in ((string, JsonObject)[])[("streams/v1/index", Index), (ProductsFile, Products)])
        {
            Files[$"{file}.json"] = Encoding.UTF8.GetBytes(json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
            if (key is not null)
                Files[$"{file}.sjson"] = key.Sign(Files[$"{file}.json"]);
        }

        return this;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private JsonObject NewProduct(string arch, string release, string version, params (string Version, string Path)[] versions) =>
        new()
        {
            ["arch"] = arch,
            ["release"] = release,
            ["version"] = version,
            ["aliases"] = $"{version},{release}",
            ["versions"] = new JsonObject(
                versions.Select(one =>
                    KeyValuePair.Create<string, JsonNode?>(
                        one.Version,
                        new JsonObject
                        {
                            ["items"] = new JsonObject
                            {
                                ["disk1.img"] = new JsonObject
                                {
                                    ["ftype"] = "disk1.img",
                                    ["path"] = one.Path,
                                    ["sha256"] = Sum(Files[one.Path]),
                                    ["size"] = Files[one.Path].Length,
                                },
                                ["manifest"] = new JsonObject
                                {
                                    ["ftype"] = "manifest",
                                    ["path"] = $"{one.Path}.manifest",
                                    ["sha256"] = new string('0', 64),
                                },
                            },
                        }
                    )
                )
            ),
        };
}

/// <summary>A key of gpg's in a folder of its own.</summary>
internal sealed class SigningKey : IDisposable
{
    // A path of gpg's agent's socket has 108 bytes at most.
    private readonly string _home = Directory
        .CreateDirectory($"/tmp/gk-{Guid.NewGuid():N}"[..14], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)
        .FullName;

    public SigningKey()
    {
        Gpg("--quick-generate-key", "publisher@example.org", "ed25519", "sign", "never");
        Gpg("--output", Keyring, "--export");
    }

    public string Keyring => Path.Combine(_home, "publisher.gpg");

    public byte[] Sign(byte[] content) => Sign(content, "--clearsign");

    /// <summary>Signs and packs it.</summary>
    public byte[] Pack(byte[] content) => Sign(content, "--sign");

    private byte[] Sign(byte[] content, string how)
    {
        string file = Path.Combine(_home, "content");
        File.WriteAllBytes(file, content);
        Gpg("--yes", "--output", $"{file}.signed", how, file);
        return File.ReadAllBytes($"{file}.signed");
    }

    public void Dispose()
    {
        StreamTree.Run("gpgconf", "--homedir", _home, "--kill", "all");
        Directory.Delete(_home, recursive: true);
    }

    private void Gpg(params string[] arguments) =>
        StreamTree.Run("gpg", ["--homedir", _home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", .. arguments]);
}
