using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Qemu;

namespace TestHarness.Screens;

/// <summary>Moves a machine's tablet, which says where the pointer is and not how far it moved, and presses its buttons.</summary>
/// <param name="monitor">The machine's monitor; another one after a reboot.</param>
internal sealed class Pointer(Func<QmpClient> monitor)
{
    // QEMU's range for both axes, whatever the screen's size (include/ui/input.h, INPUT_EVENT_ABS_MAX, and one more).
    private const long Range = 0x8000;

    /// <summary>
    /// Tells whether the guest has a driver for the tablet and has started it; where it has not, QEMU drops what is sent.
    /// </summary>
    public async Task<bool> IsHeardAsync(CancellationToken cancellationToken)
    {
        JsonElement mice = await monitor().ExecuteAsync("query-mice", null, cancellationToken).ConfigureAwait(false);
        return mice.ValueKind == JsonValueKind.Array
            ? mice.EnumerateArray().Any(mouse => mouse.TryGetFlag("current") is true && mouse.TryGetFlag("absolute") is true)
            : throw new QmpAnswerException("query-mice", mice);
    }

    public Task MoveAsync(int x, int y, RawFrame screen, CancellationToken cancellationToken) =>
        SendAsync([Axis("x", x, screen.Width), Axis("y", y, screen.Height)], cancellationToken);

    public Task ButtonAsync(MouseButton button, bool down, CancellationToken cancellationToken)
    {
        string name = button switch
        {
            MouseButton.Left => "left",
            MouseButton.Middle => "middle",
            _ => "right",
        };
        return SendAsync(
            [
                new JsonObject
                {
                    ["type"] = "btn",
                    ["data"] = new JsonObject { ["down"] = down, ["button"] = name },
                },
            ],
            cancellationToken
        );
    }

    // The middle of the pixel, so that rounding in the guest stays inside it.
    private static JsonObject Axis(string axis, int pixel, int size) =>
        new()
        {
            ["type"] = "abs",
            ["data"] = new JsonObject { ["axis"] = axis, ["value"] = ((2L * pixel) + 1) * Range / (2L * size) },
        };

    private Task<JsonElement> SendAsync(JsonNode[] events, CancellationToken cancellationToken) =>
        monitor().ExecuteAsync("input-send-event", new JsonObject { ["events"] = new JsonArray(events) }, cancellationToken);
}
