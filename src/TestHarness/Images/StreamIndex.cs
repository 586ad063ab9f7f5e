using System.Text.Json;
using TestHarness.Errors;

namespace TestHarness.Images;

/// <summary>
/// Reads what a simplestreams source publishes: an index, and the files of products that it names. Pure. Format:
/// https://git.launchpad.net/simplestreams/tree/doc.
/// </summary>
internal sealed class StreamIndex(string source)
{
    private const int MostNamed = 40;
    private const int MostValues = 1_000_000;

    /// <summary>Returns the paths of the product files that have images to download.</summary>
    /// <exception cref="ImageException">It is no index, or leads out of the source.</exception>
    public IReadOnlyList<string> ProductFiles(byte[] json, string file)
    {
        JsonElement root = Parse(json, file);
        if (Member(root, "index") is not { ValueKind: JsonValueKind.Object } index)
            throw Malformed(file, "it has no object 'index'");
        string[] paths =
        [
            .. index
                .EnumerateObject()
                .Select(entry => entry.Value)
                .Where(entry => Text(entry, "datatype") == "image-downloads" && Text(entry, "format") == "products:1.0")
                .Select(entry => Text(entry, "path") ?? throw Malformed(file, "an entry has no path")),
        ];
        foreach (string path in paths)
            RequireInside(path, file);
        return paths.Length > 0
            ? paths
            : throw Malformed(file, "it names no products with images to download (datatype image-downloads, format products:1.0)");
    }

    /// <summary>Reads a file of products.</summary>
    public IReadOnlyList<StreamProduct> Products(byte[] json, string file)
    {
        JsonElement root = Parse(json, file);
        if (Member(root, "products") is not { ValueKind: JsonValueKind.Object } products)
            throw Malformed(file, "it has no object 'products'");
        return
        [
            .. products
                .EnumerateObject()
                .Select(product => new StreamProduct(
                    product.Name,
                    Text(product.Value, "arch") ?? "",
                    [
                        .. (
                            (string?[])
                                [
                                    Text(product.Value, "release"),
                                    Text(product.Value, "version"),
                                    .. (Text(product.Value, "aliases") ?? "").Split(','),
                                ]
                        )
                            .OfType<string>()
                            .Where(name => name.Length > 0)
                            .Distinct(StringComparer.Ordinal),
                    ],
                    product.Value,
                    file
                )),
        ];
    }

    /// <summary>Picks the item that a query means.</summary>
    /// <exception cref="ImageException">There is none, or there are several; lists what there is.</exception>
    public StreamItem Select(IReadOnlyList<StreamProduct> products, StreamQuery query)
    {
        StreamProduct[] fitting = [.. products.Where(query.Fits)];
        if (fitting is not [var product])
        {
            StreamProduct[] named = fitting.Length > 0 ? fitting : [.. products];
            throw Failure(fitting.Length == 0 ? $"there is no product for {query}" : $"{fitting.Length} products are for {query}")
                .With(
                    fitting.Length > 0 ? "Products that fit" : "Products that exist",
                    named.Select(one => $"{one.Id} ({string.Join(", ", [.. one.Series, one.Architecture])})")
                )
                .Because(fitting.Length > 0 ? "--product PRODUCT" : "--series and --arch, or --product, with one of these.");
        }

        (string Version, JsonElement Item)[] versions =
        [
            .. Versions(product)
                .Where(version => query.Version is null || version.Name == query.Version)
                .Select(version => (version.Name, Item: FindItem(version.Value, query.Item)))
                .Where(version => version.Item is not null)
                .Select(version => (version.Name, version.Item!.Value)),
        ];
        // Names of versions are dates, the newest the last; so simplestreams itself sorts them.
        if (
            versions.OrderByDescending(version => version.Version, StringComparer.Ordinal).FirstOrDefault()
            is not { Version: { } newest } found
        )
        {
            throw Failure(
                    $"product '{product.Id}' has no item '{query.Item}'{(query.Version is null ? "" : $" in version '{query.Version}'")}"
                )
                .With(
                    "Items that exist",
                    Versions(product)
                        .OrderByDescending(version => version.Name, StringComparer.Ordinal)
                        .Select(version => $"{version.Name}: {string.Join(", ", Items(version.Value).Select(item => item.Name))}")
                )
                .Because("--item and --version with one of these.");
        }

        string what = $"item '{query.Item}' of product '{product.Id}', version '{newest}'";
        string path = Text(found.Item, "path") ?? throw Malformed(product.File, $"{what} has no path");
        RequireInside(path, product.File);
        string sum =
            Text(found.Item, "sha256") is { Length: 64 } hex && hex.All(char.IsAsciiHexDigit)
                ? hex
                : throw Malformed(product.File, $"{what} has no SHA-256");
        long? size =
            Member(found.Item, "size") is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out long bytes) && bytes > 0
                ? bytes
                : null;
        return new StreamItem(product, newest, path, sum, size);
    }

    /// <summary>Returns the address of a path in the source, whatever characters are in it.</summary>
    public Uri AddressOf(string path) =>
        new(
            $"{source.TrimEnd('/')}/"
                + string.Join('/', path.Split('/').Select(part => Uri.EscapeDataString(part).Replace("%3A", ":", StringComparison.Ordinal)))
        );

    private void RequireInside(string path, string file)
    {
        string? reason =
            path.Contains("://", StringComparison.Ordinal) ? "an address of its own"
            : path.StartsWith('/') ? "an absolute path"
            : path.Split('/').Any(part => part is "" or "." or "..") ? "a path with '..', '.' or nothing between two slashes"
            : path.Any(character => char.IsControl(character) || character == '\\') ? "a path with characters that no path has"
            : null;
        if (reason is not null)
        {
            throw new ImageException(
                source,
                new FailureText($"Image source '{source}': its file '{file}' points outside the source.")
                    .Add("Path", path)
                    .Add("Reason", $"it is {reason}")
            );
        }
    }

    private static JsonProperty[] Versions(StreamProduct product) => Entries(product.Json, "versions");

    private static JsonProperty[] Items(JsonElement version) => Entries(version, "items");

    private static JsonProperty[] Entries(JsonElement value, string name) =>
        Member(value, name) is { ValueKind: JsonValueKind.Object } entries ? [.. entries.EnumerateObject()] : [];

    private static JsonElement? FindItem(JsonElement version, string name)
    {
        JsonProperty[] items = Items(version);
        JsonProperty[] found = items.Where(item => item.Name == name).ToArray() is { Length: > 0 } named
            ? named
            : [.. items.Where(item => Text(item.Value, "ftype") == name)];
        return found.Length > 0 ? found[0].Value : null;
    }

    private JsonElement Parse(byte[] json, string file)
    {
        try
        {
            RequireReadable(json, file);
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Malformed(file, e.Message);
        }
    }

    // What is held of a value takes more room than a short one itself; and a text that is no Unicode would be found out only by who reads
    // it.
    private void RequireReadable(byte[] json, string file)
    {
        var reader = new Utf8JsonReader(json);
        for (int values = 0; reader.Read(); values++)
        {
            if (values > MostValues)
                throw Malformed(file, $"it has more than {MostValues} values");
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                _ = reader.GetString();
        }
    }

    private ImageException Malformed(string file, string reason) =>
        new(source, new FailureText($"Image source '{source}': its file '{file}' is malformed.").Add("Reason", reason));

    private Refusal Failure(string what) => new(source, new FailureText($"Image source '{source}': {what}."));

    private static JsonElement? Member(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out JsonElement member) ? member : null;

    private static string? Text(JsonElement value, string name) =>
        Member(value, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private sealed record Refusal(string Source, FailureText Message)
    {
        public Refusal With(string label, IEnumerable<string> lines)
        {
            string[] all = [.. lines];
            Message.Add(
                label,
                all.Length == 0
                    ? "none"
                    : string.Join('\n', all.Take(MostNamed)) + (all.Length > MostNamed ? $"\nand {all.Length - MostNamed} more" : "")
            );
            return this;
        }

        public ImageException Because(string remedy) => new(Source, Message.Try(remedy));
    }
}

/// <summary>A product of a source, such as a release for an architecture.</summary>
internal sealed record StreamProduct(string Id, string Architecture, IReadOnlyList<string> Series, JsonElement Json, string File);

/// <summary>What is to be fetched of a product.</summary>
internal sealed record StreamItem(StreamProduct Product, string Version, string Path, string Sha256, long? Size);

/// <summary>What somebody wants of a source.</summary>
internal sealed record StreamQuery
{
    public string? Series { get; init; }

    public string Architecture { get; init; } = "amd64";

    /// <summary>Gets a product by its full name, in place of series and architecture.</summary>
    public string? Product { get; init; }

    /// <summary>Gets a version. Default: the newest that has the item.</summary>
    public string? Version { get; init; }

    public string Item { get; init; } = "disk1.img";

    public bool Fits(StreamProduct product) =>
        Product is not null
            ? product.Id == Product
            : product.Architecture == Architecture && (Series is null || product.Series.Contains(Series, StringComparer.Ordinal));

    public override string ToString() =>
        Product is not null ? $"'{Product}'" : $"{(Series is null ? "" : $"series '{Series}', ")}architecture '{Architecture}'";
}
