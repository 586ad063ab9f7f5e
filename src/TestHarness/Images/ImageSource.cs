using TestHarness.Errors;
using TestHarness.Text;

namespace TestHarness.Images;

/// <summary>
/// A simplestreams source on the web, as Ubuntu's cloud images publish theirs; with a keyring nothing of it is believed that has no good
/// signature.
/// </summary>
internal sealed class ImageSource
{
    private const string Index = "streams/v1/index";

    // All files together; Ubuntu's have 3 MB.
    private const long MaxJson = 16 * 1024 * 1024;
    private const int MostFiles = 64;

    private static readonly TimeSpan JsonLimit = TimeSpan.FromMinutes(5);

    private readonly string _address;
    private readonly StreamIndex _index;
    private readonly Keyring? _keyring;

    /// <param name="address">Where the source begins; <c>streams/v1</c> is below it.</param>
    /// <param name="keyring">The keys that may have signed it, or <see langword="null"/>.</param>
    /// <exception cref="ImageException">It is no address that anything is fetched from.</exception>
    public ImageSource(string address, string? keyring)
    {
        if (
            !Uri.TryCreate(address, UriKind.Absolute, out Uri? uri)
            || uri.UserInfo.Length + uri.Query.Length + uri.Fragment.Length > 0
            || !(uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && ImageReference.IsLoopback(uri)))
        )
        {
            throw new ImageException(
                address,
                new FailureText($"Image source '{address}': it can't be read.")
                    .Add(
                        "Reason",
                        "a source is an https: address, or an http: one of this machine's own 127.0.0.1 or [::1], without a user or a query"
                    )
                    .Try("https://cloud-images.ubuntu.com/releases")
            );
        }

        _address = address.TrimEnd('/');
        _index = new StreamIndex(_address);
        _keyring = keyring is null ? null : new Keyring(_address, keyring);
    }

    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan StallLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Picks an item and fetches it into the store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="query">Which item.</param>
    /// <param name="name">The image's name in the store. Default: series and architecture.</param>
    /// <param name="format">The disk's format.</param>
    /// <param name="progress">Told what is done.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">Something of the source is not as it must be; the store is as it was.</exception>
    public async Task<StoredImage> SyncAsync(
        StoredImages store,
        StreamQuery query,
        string? name,
        DiskFormat format,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        if (name is not null)
            DiskDescription.RequireName(name);
        StreamItem item = await FindAsync(store, query, progress, cancellationToken).ConfigureAwait(false);
        progress?.Report(new StartProgress(PrintableText.Of($"image source {_address}: {item.Product.Id}, version {item.Version}")));
        return await new ImagePull
        {
            Address = _index.AddressOf(item.Path).AbsoluteUri,
            Sha256 = item.Sha256,
            Name = name ?? $"{query.Series ?? (item.Product.Series is [var first, ..] ? first : "image")}-{item.Product.Architecture}",
            Format = format,
            Architecture = item.Product.Architecture,
            Size = item.Size,
        }
            .RunAsync(store, progress, cancellationToken)
            .ConfigureAwait(false);
    }

    private async Task<StreamItem> FindAsync(
        StoredImages store,
        StreamQuery query,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        _keyring?.Require();
        using WorkFolder work = store.Work(progress);
        using Deadline limit = Clock.System.Limit(JsonLimit, cancellationToken);
        try
        {
            var products = new List<StreamProduct>();
            string index = Spelt($"{Index}.json");
            byte[] json = await ReadAsync(work, index, MaxJson, progress, limit.Token).ConfigureAwait(false);
            long left = MaxJson - json.Length;
            string[] files = [.. _index.ProductFiles(json, index).Select(Spelt).Distinct(StringComparer.Ordinal)];
            if (files.Length > MostFiles)
                throw new ImageException(
                    _address,
                    new FailureText(
                        $"Image source '{_address}': its index names {files.Length} files of products, and {MostFiles} are read at most."
                    )
                );
            foreach (string file in files)
            {
                json = await ReadAsync(work, file, left, progress, limit.Token).ConfigureAwait(false);
                left -= json.Length;
                products.AddRange(_index.Products(json, file));
            }

            return _index.Select(products, query);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ImageException(
                _address,
                new FailureText($"Image source '{_address}': its index was not there within {JsonLimit.TotalMinutes} minutes."),
                e
            );
        }
    }

    // Each file is published twice: plain, and signed as .sjson; either index may name either.
    private string Spelt(string file) => Path.ChangeExtension(file, _keyring is null ? ".json" : ".sjson");

    private async Task<byte[]> ReadAsync(
        WorkFolder work,
        string file,
        long mostBytes,
        IProgress<StartProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        Uri address = _index.AddressOf(file);
        string path = Path.Combine(work.Path, $"{Guid.NewGuid():N}.json");
        try
        {
            await new Download(address.AbsoluteUri, address, new PartialFile(path), progress)
            {
                StallLimit = StallLimit,
                RetryDelay = RetryDelay,
                MaxBytes = mostBytes,
            }
                .RunAsync(cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ImageException e) when (_keyring is not null)
        {
            throw new ImageException(
                _address,
                new FailureText(
                    $"Image source '{_address}': its signed file '{file}' could not be had, and with a keyring an unsigned one is not read."
                ).Add("Reason", e.Message),
                e
            );
        }

        if (_keyring is not null)
            path = await _keyring.VerifyAsync(work, file, path, mostBytes, cancellationToken).ConfigureAwait(false);
        return await File.ReadAllBytesAsync(path, cancellationToken).ConfigureAwait(false);
    }
}
