using System.Diagnostics;
using TestHarness.Screens;

namespace TestHarness.Benchmarks;

/// <summary>What comparing screens costs: of pictures in memory, and in the loop that waits for a golden.</summary>
internal static class ScreenBenchmark
{
    private const int Width = 1024;
    private const int Height = 768;

    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count)
    {
        var random = new Random(1);
        PixelImage noise = Noise(random);
        PixelImage text = Text(random, 0xffaaaaaa);
        var metrics = new List<Metric>
        {
            new("compare 1024x768, equal", "ms", Sample(count, text, new PixelImage(Width, Height, [.. text.Pixels]))),
            new("compare 1024x768, all text in another colour", "ms", Sample(count, text, Text(new Random(1), 0xff00aa00))),
            new("compare 1024x768, every pixel different", "ms", Sample(count, noise, Noise(random))),
        };
        await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
        List<double> captures = [],
            decodes = [],
            encodes = [],
            rounds = [];
        PixelImage golden = (await vm.Screen.CaptureAsync()).Pixels;
        for (int i = 0; i < count; i++)
        {
            long began = Stopwatch.GetTimestamp();
            Screenshot shot = await vm.Screen.CaptureAsync();
            captures.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            PictureComparison.Compare(golden, shot.Pixels, new PictureRules());
            rounds.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            long encoded = Stopwatch.GetTimestamp();
            ReadOnlyMemory<byte> png = shot.Png;
            encodes.Add(Stopwatch.GetElapsedTime(encoded).TotalMilliseconds);
            long decoded = Stopwatch.GetTimestamp();
            PngFile.Read(png.Span, "golden");
            decodes.Add(Stopwatch.GetElapsedTime(decoded).TotalMilliseconds);
        }

        return
        [
            .. metrics,
            new($"{image}: capture", "ms", captures),
            new($"{image}: write a golden", "ms", encodes),
            new($"{image}: read a golden", "ms", decodes),
            new($"{image}: capture and compare", "ms", rounds),
        ];
    }

    private static double[] Sample(int count, PixelImage expected, PixelImage actual)
    {
        var samples = new double[count];
        // The first rounds compile the code.
        for (int i = -50; i < count; i++)
        {
            long began = Stopwatch.GetTimestamp();
            PictureComparison.Compare(expected, actual, new PictureRules());
            if (i >= 0)
                samples[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        return samples;
    }

    private static PixelImage Noise(Random random)
    {
        PixelImage picture = PixelImage.Filled(Width, Height, 0);
        for (int i = 0; i < picture.Pixels.Length; i++)
            picture.Pixels[i] = 0xff000000 | (uint)random.Next(0x1000000);
        return picture;
    }

    // Something in each cell of a text console.
    private static PixelImage Text(Random random, uint colour)
    {
        PixelImage picture = PixelImage.Filled(Width, Height, 0xff000000);
        for (int i = 0; i < picture.Pixels.Length / 6; i++)
            picture.Pixels[random.Next(picture.Pixels.Length)] = colour;
        return picture;
    }
}
