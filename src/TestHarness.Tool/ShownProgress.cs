namespace TestHarness.Tool;

/// <summary>Steps on standard error: a line each; how far one is goes over that line at a terminal, and is told every tenth elsewhere.</summary>
internal sealed class ShownProgress : IProgress<StartProgress>
{
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private string _step = "";
    private int _tenth;
    private bool _open;

    public void Report(StartProgress value)
    {
        bool isNew = value.Step != _step;
        int tenth = (int)((value.Fraction ?? 0) * 10);
        string text = value is { Fraction: not null, Detail: { } detail } ? $"{value.Step} {detail}" : value.Step;
        if (_terminal && value.Fraction is not null)
        {
            Console.Error.Write($"{(isNew ? End() : "")}\r{text}\u001b[K");
            _open = true;
        }
        else if (isNew || tenth > _tenth)
        {
            Console.Error.WriteLine(End() + text);
        }

        if (value.Fraction >= 1)
            Console.Error.Write(End());
        (_step, _tenth) = (value.Step, tenth);
    }

    private string End()
    {
        bool open = _open;
        _open = false;
        return open ? "\n" : "";
    }
}
