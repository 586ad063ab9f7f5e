using System.Diagnostics;
using System.Security.Cryptography;

namespace TestHarness.Benchmarks;

/// <summary>
/// Files into a guest: over the agent, and as everybody else does it, with rsync over ssh; and a second push of what is there already.
/// </summary>
internal static class TransferBenchmark
{
    private const int Megabytes = 20;
    private const int Files = 1000;

    public static async Task<IReadOnlyList<Metric>> RunAsync(string image, int count)
    {
        if (image == "tiny")
            // It has no sshd that runs.
            return [];
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            await using VirtualMachine vm = await VirtualMachine.StartAsync(new MachineSpec { Image = image });
            return await MeasureAsync(vm, image, folder, count);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<Metric>> MeasureAsync(VirtualMachine vm, string image, string folder, int count)
    {
        SshDetails ssh = await vm.OpenSshAsync();
        // The connection that later ones join is there, as with a control master.
        string remoteShell =
            $"{ssh.Command.Replace("ControlMaster=no", "ControlMaster=auto", StringComparison.Ordinal)} -o ControlPersist=60";
        string tree = Path.Combine(folder, "tree");
        Directory.CreateDirectory(tree);
        for (int i = 0; i < Files; i++)
            await File.WriteAllTextAsync(Path.Combine(tree, $"{i}"), $"file {i}\n");
        await vm.Files.PushAsync($"{tree}/", "/srv/tree");

        List<double> byAgent = [],
            bySsh = [],
            unchanged = [];
        for (int i = 0; i < count; i++)
        {
            string file = Path.Combine(folder, $"random-{i}");
            await File.WriteAllBytesAsync(file, RandomNumberGenerator.GetBytes(Megabytes * 1024 * 1024));
            byAgent.Add(await TimeAsync(() => vm.Files.PushAsync(file, "/srv/by-agent")));
            bySsh.Add(await TimeAsync(() => RsyncAsync(remoteShell, file, $"{ssh.User}@{ssh.Host.Address}:/srv/by-ssh")));
            unchanged.Add(await TimeAsync(() => vm.Files.PushAsync($"{tree}/", "/srv/tree")));
            await vm.Shell.RunAsync($"cmp /srv/by-agent /srv/by-ssh && rm /srv/by-agent /srv/by-ssh");
            File.Delete(file);
        }

        return
        [
            new Metric($"{image}: {Megabytes} MiB of random data pushed over the agent", "s", byAgent),
            new Metric($"{image}: the same by rsync over ssh", "s", bySsh),
            new Metric($"{image}: {Files} files pushed a second time, unchanged", "s", unchanged),
        ];
    }

    private static async Task<double> TimeAsync(Func<Task> action)
    {
        long began = Stopwatch.GetTimestamp();
        await action();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    // ssh's own words name the machine; the place before the colon only has to look like one.
    private static async Task RsyncAsync(string remoteShell, string from, string to)
    {
        using Process process = Process.Start(new ProcessStartInfo("rsync", ["-a", "-e", ShellWithoutHost(remoteShell), from, to]))!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"rsync over ssh ended with {process.ExitCode}.");
    }

    private static string ShellWithoutHost(string command) =>
        string.Join(' ', command.Split(' ').Where(word => !word.Contains('@', StringComparison.Ordinal)));
}
