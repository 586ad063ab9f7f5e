namespace TestHarness.Screens;

/// <summary>Joins different pixels that are near each other: a word that differs is one place, however many letters it has.</summary>
internal static class DifferenceRegions
{
    // Pixels this near are of one place, more or less: letters of a word, lines of a paragraph.
    private const int Tile = 16;

    /// <summary>The smallest rectangles around the places, the one with most different pixels first.</summary>
    public static IReadOnlyList<ScreenArea> Find(byte[] marks, int width)
    {
        int height = marks.Length / width;
        int columns = (width + Tile - 1) / Tile;
        int rows = (height + Tile - 1) / Tile;
        var tiles = new Bounds?[columns * rows];
        for (int at = marks.AsSpan().IndexOf(PixelComparison.Different); at >= 0; )
        {
            (int y, int x) = Math.DivRem(at, width);
            (tiles[(y / Tile * columns) + (x / Tile)] ??= new Bounds()).Add(x, y);
            int next = marks.AsSpan(at + 1).IndexOf(PixelComparison.Different);
            at = next < 0 ? -1 : at + 1 + next;
        }

        List<Bounds> regions = [];
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            if (tiles[tile] is not null)
                regions.Add(Collect(tiles, tile, columns, rows));
        }

        return [.. regions.OrderByDescending(region => region.Count).Select(region => region.Area)];
    }

    /// <summary>Where a place is in a picture: <c>bottom left</c>.</summary>
    public static string Place(ScreenArea area, int width, int height)
    {
        string vertical = Third(area.Y + (area.Height / 2), height, "top", "", "bottom");
        string horizontal = Third(area.X + (area.Width / 2), width, "left", "", "right");
        string place = $"{vertical} {horizontal}".Trim();
        return place.Length > 0 ? place : "centre";
    }

    private static string Third(int value, int whole, string first, string second, string third) =>
        value * 3 < whole ? first
        : value * 3 < whole * 2 ? second
        : third;

    private static Bounds Collect(Bounds?[] tiles, int first, int columns, int rows)
    {
        var region = new Bounds();
        var open = new Stack<int>([first]);
        while (open.TryPop(out int tile))
        {
            if (tiles[tile] is not { } bounds)
                continue;
            tiles[tile] = null;
            region.Add(bounds);
            (int row, int column) = Math.DivRem(tile, columns);
            for (int y = Math.Max(0, row - 1); y <= Math.Min(rows - 1, row + 1); y++)
            {
                for (int x = Math.Max(0, column - 1); x <= Math.Min(columns - 1, column + 1); x++)
                    open.Push((y * columns) + x);
            }
        }

        return region;
    }

    private sealed class Bounds
    {
        private int _left = int.MaxValue;
        private int _top = int.MaxValue;
        private int _right = -1;
        private int _bottom = -1;

        public int Count { get; private set; }

        public ScreenArea Area => new(_left, _top, _right - _left + 1, _bottom - _top + 1);

        public void Add(int x, int y) => Add(x, y, x, y, 1);

        public void Add(Bounds other) => Add(other._left, other._top, other._right, other._bottom, other.Count);

        private void Add(int left, int top, int right, int bottom, int count)
        {
            (_left, _top) = (Math.Min(_left, left), Math.Min(_top, top));
            (_right, _bottom) = (Math.Max(_right, right), Math.Max(_bottom, bottom));
            Count += count;
        }
    }
}
