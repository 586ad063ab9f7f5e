namespace TestHarness.Networks;

/// <summary>A request that is not HTTP/1.1 as it should be, or passes a limit. The connection ends after the answer.</summary>
internal sealed class HttpFaultException(int statusCode, string message) : Exception(message)
{
    public int StatusCode => statusCode;
}
