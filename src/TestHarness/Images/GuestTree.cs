using System.Globalization;
using System.Text;
using TestHarness.Agents;
using TestHarness.Errors;

namespace TestHarness.Images;

/// <summary>The guest's files on their way to the disk: thins them out, and adds what the recipe says.</summary>
internal sealed class GuestTree(string image, Recipe recipe, RecipeSource source, BuildFolder folder)
{
    private const string AgentPath = "/usr/sbin/testharness-agent";

    /// <summary>What every guest needs, whatever its packages bring.</summary>
    private const string Skeleton = """
        for folder in dev etc proc run sys tmp root var/log; do mkdir -p "tree/$folder"; done
        chmod 1777 tree/tmp
        chmod 0700 tree/root
        # How packages came to the build host is none of the guest's business.
        rm -f tree/etc/apt/apt.conf.d/99mmdebstrap
        """;

    private const string RunCommand = """
        mount -t proc proc tree/proc
        mount --rbind /dev tree/dev
        exec env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            chroot tree /bin/sh -e -c "$1"
        """;

    /// <summary>Deletes what the recipe does not keep.</summary>
    public async Task ThinOutAsync(CancellationToken cancellationToken)
    {
        if (recipe.Keep is not { } keep)
            return;
        const string Step = "files";
        await folder.RunScriptAsync(Step, "cd tree && find . -mindepth 1 -print0 > ../paths", cancellationToken).ConfigureAwait(false);
        string text = await File.ReadAllTextAsync(Path.Combine(folder.Path, "paths"), cancellationToken).ConfigureAwait(false);
        string[] paths = [.. text.Split('\0', StringSplitOptions.RemoveEmptyEntries).Select(path => path[1..])];

        var patterns = new PathPatterns(keep);
        IReadOnlyList<string> superfluous = patterns.FindSuperfluous(paths);
        string[] unused = [.. patterns.Unused];
        if (unused.Length > 0)
            throw Failure("The packages have no file for", string.Join('\n', unused.Select(pattern => $"$.keep: \"{pattern}\"")));
        await DeleteAsync(Step, superfluous, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes files of the guest, given as absolute paths in it.</summary>
    public async Task DeleteAsync(string step, IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        string list = string.Concat(paths.Select(path => $".{path}\0"));
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "superfluous"), list, cancellationToken).ConfigureAwait(false);
        await folder.RunScriptAsync(step, "cd tree && xargs -0 rm -rf -- < ../superfluous", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Adds the agent, and the recipe's files and links.</summary>
    public async Task AddFilesAsync(CancellationToken cancellationToken)
    {
        string stage = Directory.CreateDirectory(Path.Combine(folder.Path, "stage")).FullName;
        var script = new StringBuilder(Skeleton).Append('\n');
        int count = 0;
        if (recipe.Agent)
            await AddAsync(new RecipeFile { Path = AgentPath, Mode = "0755" }, EmbeddedAgent.Read()).ConfigureAwait(false);
        foreach (RecipeFile file in recipe.Files)
            await AddAsync(file, file.Source is { } name ? source.Read(name) : Encoding.UTF8.GetBytes(file.Content!)).ConfigureAwait(false);
        foreach (RecipeLink link in recipe.Links)
        {
            string path = InTree(link.Path);
            script.Append(
                CultureInfo.InvariantCulture,
                $"mkdir -p {Quote(Path.GetDirectoryName(path)!)}\nln -sfnT {Quote(link.Target)} {Quote(path)}\n"
            );
        }

        await folder.RunScriptAsync("files", script.ToString(), cancellationToken).ConfigureAwait(false);

        async Task AddAsync(RecipeFile file, byte[] content)
        {
            string staged = $"stage/{count++}";
            await File.WriteAllBytesAsync(Path.Combine(folder.Path, staged), content, cancellationToken).ConfigureAwait(false);
            string path = InTree(file.Path);
            script.Append(
                CultureInfo.InvariantCulture,
                $"mkdir -p {Quote(Path.GetDirectoryName(path)!)}\nrm -f {Quote(path)}\ninstall -m {file.Mode} {staged} {Quote(path)}\n"
            );
        }
    }

    /// <summary>
    /// Runs the recipe's commands in the guest's files, then gives the files to their owners, whom a command may have made.
    /// </summary>
    public async Task RunCommandsAsync(CancellationToken cancellationToken)
    {
        for (int i = 0; i < recipe.Commands.Count; i++)
            await folder
                .RunScriptAsync($"command {i + 1} of {recipe.Commands.Count}", RunCommand, cancellationToken, recipe.Commands[i])
                .ConfigureAwait(false);

        RecipeFile[] owned = [.. recipe.Files.Where(file => file.Owner != "root:root")];
        if (owned.Length == 0)
            return;
        string users = await ReadAsync("/etc/passwd", cancellationToken).ConfigureAwait(false);
        string groups = await ReadAsync("/etc/group", cancellationToken).ConfigureAwait(false);
        var script = new StringBuilder();
        foreach (RecipeFile file in owned)
        {
            string[] owner = file.Owner.Split(':');
            string path = Quote(InTree(file.Path));
            // chown clears the set-user-id bits, so the mode comes after it.
            script.Append(
                CultureInfo.InvariantCulture,
                $"chown {IdOf(users, owner[0])}:{IdOf(groups, owner[1])} {path}\nchmod {file.Mode} {path}\n"
            );
        }

        await folder.RunScriptAsync("owners", script.ToString(), cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> ReadAsync(string guestPath, CancellationToken cancellationToken)
    {
        string path = Path.Combine(folder.Path, InTree(guestPath));
        return File.Exists(path) ? await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false) : "";
    }

    /// <summary>Reads the third field of a line of passwd(5) or group(5).</summary>
    private string IdOf(string table, string name) =>
        table.Split('\n').Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[0] == name)?[2]
        ?? (
            uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _)
                ? name
                : throw Failure("The guest has no user or group", name)
        );

    private string InTree(string guestPath)
    {
        try
        {
            return $"tree/{TreePath.Resolve(folder.Tree, guestPath)}";
        }
        catch (InvalidDataException e)
        {
            throw Failure("Path", e.Message);
        }
    }

    private ImageException Failure(string label, string text) =>
        new(image, new FailureText($"Image '{image}': the recipe does not fit its packages.").Add("Recipe", source.File).Add(label, text));

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
