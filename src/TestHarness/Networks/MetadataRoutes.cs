using System.Collections.Immutable;

namespace TestHarness.Networks;

/// <summary>Which handler answers which path.</summary>
internal sealed class MetadataRoutes
{
    private ImmutableDictionary<string, Func<MetadataRequest, CancellationToken, Task<MetadataResponse>>> _handlers =
        ImmutableDictionary.Create<string, Func<MetadataRequest, CancellationToken, Task<MetadataResponse>>>(StringComparer.Ordinal);

    public void Set(string path, Func<MetadataRequest, CancellationToken, Task<MetadataResponse>> handler) =>
        ImmutableInterlocked.AddOrUpdate(ref _handlers, path, handler, (_, _) => handler);

    /// <summary>Has the handler of the longest path that fits answer.</summary>
    public Task<MetadataResponse> AnswerAsync(MetadataRequest request, CancellationToken cancellationToken)
    {
        string? path = _handlers.Keys.Where(path => Fits(path, request.Path)).MaxBy(path => path.Length);
        return path is null
            ? Task.FromResult(MetadataResponse.NotFound())
            : _handlers[path](request with { RelativePath = request.Path[path.Length..] }, cancellationToken);
    }

    private static bool Fits(string path, string asked) =>
        path.EndsWith('/') ? asked.StartsWith(path, StringComparison.Ordinal) : asked == path;
}
