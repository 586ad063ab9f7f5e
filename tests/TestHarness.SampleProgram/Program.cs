using TestHarness;
using TestHarness.SampleProgram;

// What a test wants of it, by its first word:
//   hold [QEMU [BEHAVIOUR]]   starts a machine (by another QEMU) and waits to be killed; "qemu PID FOLDER" once there is a process,
//                             "running" once it is up
//   build FOLDER              builds the image of a recipe's folder; a line for each step
//   run [disks|share FOLDER]  starts a machine, with disks or a share in FOLDER, runs a command, ends; "warm", or why it booted
//   fill                      starts a machine and writes 200 MB in it; how long that took to fail
//   eat                       starts a machine of 1 GiB and uses up its memory; how long that took to fail
//   nodes                     starts a machine; QEMU's own list of its disks, as JSON
//   clones N IMAGE            N machines at once; a line with what makes each an individual
//   clock FILE STEP           starts a machine, steps the host's clock by libfaketime's FILE during waits, starts another; how long each
//                             took, and its clock's error
//   terminal WAY [COMMAND]    starts a machine and joins the terminal to a COMMAND in it, or to a login shell; "guest PID" (its own,
//                             QEMU's) and "code N". WAY: wait, or how it ends after the text "now" in the guest's output: throw, exit,
//                             crash, cancel
//   console                   starts a machine and joins the terminal to its console; "left" when it was left, and what its log says
//   layers NAME               starts a machine whose set-up has five layers of that name; a line for each step, and what they left
//   cluster N                 starts N machines on one network, each of which reaches the next one by its name, again and again;
//                             "reached TICKS" each time
//   soak N SEED               N starts and disposals, half of them cut short; what is left behind
try
{
    switch (args)
    {
        case ["hold", .. var qemu]:
            await Machines.HoldAsync(qemu);
            return 0;
        case ["build", var image]:
            await Machines.BuildAsync(image);
            return 0;
        case ["run"]:
            await Machines.RunAsync(new MachineSpec());
            return 0;
        case ["run", "disks", var folder]:
            await Machines.RunAsync(new MachineSpec { DiskFolder = folder });
            return 0;
        case ["run", "share", var folder]:
            await Machines.RunAsync(new MachineSpec { Shares = [new HostShare(folder, "/mnt/share")] });
            return 0;
        case ["fill"]:
            await Machines.FillAsync();
            return 0;
        case ["eat"]:
            await Machines.EatAsync();
            return 0;
        case ["nodes"]:
            await Machines.ListDisksAsync();
            return 0;
        case ["clones", var count, var image]:
            await Machines.CloneAsync(int.Parse(count, System.Globalization.CultureInfo.InvariantCulture), image);
            return 0;
        case ["clock", var file, var step]:
            await Machines.StepClockAsync(file, step);
            return 0;
        case ["terminal", var way, .. var command]:
            await Terminals.JoinAsync(way, command.FirstOrDefault());
            return 0;
        case ["console"]:
            await Terminals.AttachAsync();
            return 0;
        case ["layers", var name]:
            await Machines.LayersAsync(name);
            return 0;
        case ["cluster", var machines]:
            await Clusters.HoldAsync(int.Parse(machines, System.Globalization.CultureInfo.InvariantCulture));
            return 0;
        case ["soak", var cycles, var seed]:
            return await new Soak(
                int.Parse(cycles, System.Globalization.CultureInfo.InvariantCulture),
                int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture)
            ).RunAsync();
        default:
            Console.Error.WriteLine(
                "Usage: hold [QEMU [BEHAVIOUR]] | build FOLDER | run [disks|share FOLDER] | fill | eat | nodes | clones N IMAGE | "
                    + "clock FILE STEP | terminal WAY [COMMAND] | console | layers NAME | cluster N | soak N SEED"
            );
            return 2;
    }
}
catch (TestHarnessException e)
{
    Console.Error.WriteLine($"{e.GetType().Name}: {e.Message}");
    return 1;
}
