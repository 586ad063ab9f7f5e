using FluentAssertions;
using TestHarness.Agents;
using Xunit;

namespace TestHarness.Tests.Agents;

public sealed class EmbeddedAgentTests
{
    [Fact]
    public void Is_in_the_library() => EmbeddedAgent.Read().Should().StartWith("\u007fELF"u8.ToArray());
}
