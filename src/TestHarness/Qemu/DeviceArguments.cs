using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using TestHarness.Hosts;

namespace TestHarness.Qemu;

/// <summary>Adds a board's devices, and what is behind each, to QEMU's argument list. Pure.</summary>
/// <param name="arguments">The list.</param>
/// <param name="board">The board.</param>
internal sealed class DeviceArguments(List<string> arguments, Board board)
{
    // The name of qemu-ga's virtio-serial port (https://www.qemu.org/docs/master/interop/qemu-ga.html).
    private const string GuestAgentPort = "org.qemu.guest_agent.0";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A value as QEMU takes it in JSON.</summary>
    public static string Text(JsonObject value) => value.ToJsonString(Json);

    public void Add(JsonObject device) => arguments.AddRange(["-device", Text(device)]);

    public void AddBlock(JsonObject node) => arguments.AddRange(["-blockdev", Text(node)]);

    /// <summary>Adds the display adapter and a mouse.</summary>
    public void AddDisplay()
    {
        // edid=off keeps the mode at what the guest asks for, so that screens compare.
        Add(
            new JsonObject
            {
                ["driver"] = "VGA",
                ["id"] = "display0",
                ["edid"] = false,
            }
        );
        // A mouse that is where it is told to be; the keyboard is the board's own (PS/2).
        Add(board.Virtio("virtio-tablet"));
        // A viewer's way in, which listens nowhere until it is asked for.
        arguments.AddRange(["-vnc", "none"]);
    }

    public void AddChannels(MachineSpec spec, MachineChannels channels)
    {
        if (channels == MachineChannels.Library)
        {
            // QEMU is the client: our sockets listen before it starts, so nobody polls. -S until the console has a reader.
            arguments.AddRange([
                "-S",
                "-chardev",
                $"socket,id=monitor,path={MachineFileNames.MonitorSocket}",
                "-mon",
                "chardev=monitor,mode=control",
                "-chardev",
                $"pipe,id=serial0,path={MachineFileNames.SerialPipe(0)}",
                "-chardev",
                $"socket,id=agent,path={MachineFileNames.AgentSocket}",
            ]);
        }
        else
        {
            arguments.AddRange([
                "-chardev",
                "stdio,id=serial0,mux=on,signal=off",
                "-mon",
                "chardev=serial0,mode=readline",
                "-chardev",
                "null,id=agent",
            ]);
        }

        arguments.AddRange(["-serial", "chardev:serial0"]);
        for (int i = 1; i <= spec.SerialPorts.Count; i++)
        {
            string end =
                channels == MachineChannels.Library ? $"pipe,id=serial{i},path={MachineFileNames.SerialPipe(i)}" : $"null,id=serial{i}";
            arguments.AddRange(["-chardev", end, "-serial", $"chardev:serial{i}"]);
        }

        Add(board.Virtio("virtio-serial"));
        Add(
            new JsonObject
            {
                ["driver"] = "virtserialport",
                ["chardev"] = "agent",
                ["name"] = QemuArguments.AgentPort,
            }
        );
    }

    public void AddGuestAgentPort(MachineChannels channels)
    {
        string channel = channels == MachineChannels.Library ? $"socket,id=qga,path={MachineFileNames.GuestAgentSocket}" : "null,id=qga";
        arguments.AddRange(["-chardev", channel]);
        Add(
            new JsonObject
            {
                ["driver"] = "virtserialport",
                ["chardev"] = "qga",
                ["name"] = GuestAgentPort,
            }
        );
    }

    public void AddDisk(string node, JsonObject image, bool isKept, bool boots = false)
    {
        image["node-name"] = node;
        // Where the overlay goes with the machine, there is nothing that a flush to the host's disk would save.
        image["cache"] = new JsonObject { ["no-flush"] = !isKept };
        image["discard"] = "unmap";
        AddBlock(image);
        JsonObject device = Disk(node);
        if (boots)
            // The only one that the firmware tries.
            device["bootindex"] = 0;
        Add(device);
    }

    public void AddSeed()
    {
        JsonObject image = BlockNodes.Image(FileIo.Threads, MachineFileNames.Seed, readOnly: true, DiskFormat.Raw);
        image["node-name"] = "seed";
        AddBlock(image);
        Add(Disk("seed"));
    }

    /// <summary>Adds a folder of the host. QEMU reads it as its own user, and opens nothing by a symbolic link.</summary>
    public void AddShare(HostShare share, string tag)
    {
        // No JSON here; two commas stand for one.
        string path = share.HostPath.Replace(",", ",,", StringComparison.Ordinal);
        arguments.AddRange(["-fsdev", $"local,id={tag},path={path},security_model=none,readonly=on,multidevs=remap"]);
        JsonObject device = board.Virtio("virtio-9p");
        device["fsdev"] = tag;
        device["mount_tag"] = tag;
        Add(device);
    }

    public void AddNetwork(MachineSpec spec, MachineChannels channels)
    {
        if (spec.Network == NetworkMode.None)
            return;
        var network = new JsonObject
        {
            ["type"] = "user",
            ["id"] = "net0",
            ["restrict"] = spec.Network != NetworkMode.Internet,
        };
        // The library adds forwards to the running machine, for a restored one had none when it was saved.
        if (channels == MachineChannels.Terminal)
            network["hostfwd"] = new JsonArray([
                .. spec.PortForwards.Select(forward => new JsonObject { ["str"] = ForwardRule.Of(forward) }),
            ]);
        arguments.AddRange(["-netdev", Text(network)]);
        Add(Card("net0"));
    }

    /// <summary>Adds a card on a network. Its socket listens before QEMU starts; without one it is on a hub by itself.</summary>
    public void AddCard(int index, CardPlug card)
    {
        string id = CardId(index);
        JsonObject cable = card.Connected is null
            ? new JsonObject
            {
                ["type"] = "hubport",
                ["id"] = id,
                ["hubid"] = index,
            }
            : new JsonObject
            {
                ["type"] = "stream",
                ["id"] = id,
                ["server"] = false,
                ["addr"] = new JsonObject { ["type"] = "unix", ["path"] = MachineFileNames.CardSocket(index) },
            };
        arguments.AddRange(["-netdev", Text(cable)]);
        JsonObject device = Card(id);
        device["mac"] = card.Mac.ToString();
        Add(device);
    }

    /// <summary>QEMU's name of a card's cable.</summary>
    public static string CardId(int index) => FormattableString.Invariant($"card{index}");

    private JsonObject Card(string network)
    {
        JsonObject card = board.Virtio("virtio-net");
        card["netdev"] = network;
        if (board.HasPci)
            // No boot ROM: nothing boots from this network, and loading it costs time.
            card["romfile"] = "";
        return card;
    }

    // An error of the host's files stops the machine: it is none of the guest's disk, and the guest never sees it.
    private JsonObject Disk(string node)
    {
        JsonObject device = board.Virtio("virtio-blk");
        (device["drive"], device["rerror"], device["werror"]) = (node, "stop", "stop");
        return device;
    }
}
