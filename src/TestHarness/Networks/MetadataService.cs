using TestHarness.Access;
using TestHarness.Agents;
using TestHarness.Networks;
using TestHarness.Operations;
using TestHarness.Text;

namespace TestHarness;

/// <summary>
/// Answers <c>http://169.254.169.254/</c> inside the guest, by handlers of the test. Nothing listens on the host, and no network card is
/// needed: the guest's loopback interface gets the address when the first handler is set, and the connections come through the agent.
/// Programs of this guest reach it, nobody else does.
/// </summary>
/// <remarks>
/// Commands that are run after a handler was set find the service listening. It is there again after a reboot and a rollback, once the
/// guest is up; what the guest starts on its way up may come before it.
/// </remarks>
public sealed class MetadataService
{
    private const string Address = "169.254.169.254";
    private const int Port = 80;

    // By hand: images need not have any network set up.
    private const string Preparation =
        $"ip link set lo up && case $(ip address show dev lo) in *{Address}/*) ;; *) ip address add {Address}/32 dev lo ;; esac";

    private static readonly TimeSpan ListenLimit = TimeSpan.FromMinutes(1);

    // Some wait on purpose until something has changed.
    private static readonly TimeSpan HandlerLimit = TimeSpan.FromMinutes(5);

    private readonly MachineOperations _machine;
    private readonly GuestSession _guest;
    private readonly MetadataRoutes _routes = new();
    private readonly Lock _gate = new();
    private GuestPort? _port;

    internal MetadataService(MachineOperations machine, GuestSession guest) => (_machine, _guest) = (machine, guest);

    /// <summary>
    /// Sets the handler of a path; the one that was there is replaced. May be called at any time, also before the machine starts.
    /// </summary>
    /// <param name="path">
    /// The path, beginning with <c>/</c>. One that ends with <c>/</c> stands for all that begins with it; any other for itself alone. Of
    /// several that fit the longest one counts. What no path fits is answered by 404.
    /// </param>
    /// <param name="handler">
    /// The handler. It may be called by several requests at once, each on a thread of its own. An exception of it is answered by 500, and
    /// is in the machine's timeline; so is one that takes more than 5 minutes.
    /// </param>
    /// <exception cref="ArgumentException">The path does not begin with <c>/</c>.</exception>
    public void Handle(string path, Func<MetadataRequest, MetadataResponse> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Handle(path, (request, _) => Task.FromResult(handler(request)));
    }

    /// <summary>Sets the asynchronous handler of a path; otherwise as the other one.</summary>
    /// <param name="path">The path: one that ends with <c>/</c> stands for all that begins with it.</param>
    /// <param name="handler">The handler; its token fires when the guest is gone.</param>
    /// <exception cref="ArgumentException">The path does not begin with <c>/</c>.</exception>
    public void Handle(string path, Func<MetadataRequest, CancellationToken, Task<MetadataResponse>> handler)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(handler);
        if (!path.StartsWith('/'))
            throw new ArgumentException($"The path \"{path}\" does not begin with '/'.", nameof(path));
        _routes.Set(path, handler);
        lock (_gate)
        {
            if (_port is not null)
                return;
            _port = new GuestPort(Address, Port, Preparation, ServeAsync, reason =>
                _machine.Record.NoteGuest("metadata service", outcome: $"does not listen: {reason}")
            );
            _guest.Ports.Add(_port);
        }

        _ = ListenSoonAsync();
    }

    /// <summary>
    /// Waits until the service listens in the guest. Not needed before a command, which waits by itself; it says why where the guest
    /// refuses.
    /// </summary>
    /// <param name="timeout">The limit. Default: 1 minute, longer on a slow host.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A task for the wait.</returns>
    /// <exception cref="InvalidOperationException">No handler was set.</exception>
    /// <exception cref="GuestCommandException">The guest can't listen there: it has no <c>ip</c> command, or something of its own has the
    /// port.</exception>
    /// <exception cref="WaitTimeoutException">The limit ran out.</exception>
    /// <exception cref="MachineExitedException">The machine ended.</exception>
    public async Task WaitUntilListeningAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        GuestPort port = _port
            ?? throw new InvalidOperationException($"Machine '{_machine.Name}' has no metadata handler: call Metadata.Handle first.");
        const string what = $"the metadata service to listen on {Address} port 80 in the guest";
        try
        {
            await _machine.GuardAsync(what, timeout ?? _machine.Scaled(ListenLimit), OpenAsync, cancellationToken).ConfigureAwait(false);
        }
        catch (AgentException e)
        {
            throw new GuestCommandException(_machine.Facts(), what, e.Message, e);
        }

        async Task<bool> OpenAsync(CancellationToken token)
        {
            await port.OpenAsync(await _guest.ReadyAsync(token).ConfigureAwait(false), token).ConfigureAwait(false);
            return true;
        }
    }

    // For programs that already run in the guest; commands wait for it anyway.
    private async Task ListenSoonAsync()
    {
        try
        {
            using Deadline limit = _machine.Time.Limit(_machine.Scaled(ListenLimit));
            await _guest.ReadyAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is AgentLostException or OperationCanceledException)
        {
            // It is opened when the guest comes up.
        }
    }

    // Another machine that has a way to this one's card could send to the address, too. The guest's own programs come from the address
    // itself.
    private Task ServeAsync(AgentTcpStream connection, CancellationToken lost) =>
        connection.Peer.StartsWith($"{Address} ", StringComparison.Ordinal)
            ? HttpConnection.ServeAsync(connection, connection.CompleteWriting, AnswerAsync, lost)
            : Task.CompletedTask;

    // A thread each, for many that block would take all of the pool's.
    private Task<MetadataResponse> CallAsync(MetadataRequest request, CancellationToken lost) =>
        Task
            .Factory.StartNew(
                () => _routes.AnswerAsync(request, lost),
                lost,
                TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
                TaskScheduler.Default
            )
            .Unwrap();

    private async Task<MetadataResponse> AnswerAsync(MetadataRequest request, CancellationToken lost)
    {
        long began = _machine.Time.GetTimestamp();
        string what = $"metadata {request.Method} {request.Path}";
        try
        {
            // Apart, and not waited for beyond the guest's end: one that blocks holds its own request only.
            MetadataResponse response = HttpResponse.Checked(
                await CallAsync(request, lost).WaitAsync(HandlerLimit, _machine.Time, lost).ConfigureAwait(false)
            );
            _machine.Record.NoteGuest(PrintableText.Of(what), _machine.Time.GetElapsedTime(began), $"{response.StatusCode}");
            return response;
        }
        catch (Exception e) when (!lost.IsCancellationRequested)
        {
            // Whatever it was, the guest gets an answer and the test's author the reason.
            _machine.Record.NoteGuest(
                PrintableText.Of(what),
                _machine.Time.GetElapsedTime(began),
                PrintableText.Of($"500, handler threw {e.GetType().Name}: {e.Message}")
            );
            return MetadataResponse.Text("500 - Internal Server Error\n", 500);
        }
    }
}
