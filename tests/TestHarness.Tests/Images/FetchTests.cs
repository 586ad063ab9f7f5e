using System.Security.Cryptography;
using TestHarness.Images;
using Xunit;

namespace TestHarness.Tests.Images;

/// <summary>Tests that fetch one disk into a folder of their own.</summary>
public abstract class FetchTests : IDisposable
{
    protected static readonly byte[] Content = MakeContent();

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected static string Sum => Convert.ToHexStringLower(SHA256.HashData(Content));

    protected string Root { get; } = Directory.CreateTempSubdirectory("fetched, \"ä ").FullName;

    protected string Stored => Path.Combine(Root, "sha256", Sum);

    private protected Steps Progress { get; } = new();

    public void Dispose()
    {
        Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected string[] FilesButLocks() =>
        [
            .. Directory
                .GetFiles(Root, "*", SearchOption.AllDirectories)
                .Where(file => !file.EndsWith(".lock", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];

    protected Task<string> GetAsync(string address, string? sum = null, TimeSpan? stallLimit = null) =>
        new FetchedImages(Root) { StallLimit = stallLimit ?? TimeSpan.FromSeconds(20), RetryDelay = TimeSpan.FromMilliseconds(1) }.GetAsync(
            address,
            sum ?? Sum,
            Progress,
            Token
        );

    private static byte[] MakeContent()
    {
        var content = new byte[300_000];
        new Random(7).NextBytes(content);
        return content;
    }

    private protected sealed class Steps : IProgress<StartProgress>
    {
        private readonly List<StartProgress> _all = [];

        public event Action<StartProgress>? Told;

        public IReadOnlyList<StartProgress> All
        {
            get
            {
                lock (_all)
                    return [.. _all];
            }
        }

        public void Report(StartProgress value)
        {
            lock (_all)
                _all.Add(value);
            Told?.Invoke(value);
        }
    }
}
