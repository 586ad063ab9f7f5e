using TestHarness.Text;

namespace TestHarness.Seeds;

/// <summary>
/// Writes the members of <see cref="CloudInit"/> as a <c>#cloud-config</c>. Pure. See
/// https://cloudinit.readthedocs.io/en/latest/reference/modules.html.
/// </summary>
internal static class CloudConfig
{
    public const string FirstLine = "#cloud-config";

    public static string Write(CloudInit cloudInit)
    {
        var config = new Dictionary<string, object>();
        if (cloudInit.Users.Count > 0)
            // Without "default" the image's own user would not be made.
            config["users"] = cloudInit.Users.Select(UserOf).Prepend("default");
        if (cloudInit.AuthorizedKeys.Count > 0)
        {
            config["ssh_authorized_keys"] = cloudInit.AuthorizedKeys;
            // Else root's key only prints that another user is to be taken.
            config["disable_root"] = false;
        }

        if (cloudInit.Packages.Count > 0)
            config["packages"] = cloudInit.Packages;
        if (cloudInit.Files.Count > 0)
            config["write_files"] = cloudInit.Files.Select(FileOf);
        if (cloudInit.Commands.Count > 0)
            // cloud-init makes one script of them, whose exit code would be the last one's.
            config["runcmd"] = cloudInit.Commands.Prepend("set -e");
        return $"{FirstLine}\n{YamlText.Write(config)}";
    }

    private static object UserOf(CloudUser user)
    {
        var members = new Dictionary<string, object> { ["name"] = user.Name };
        if (user.AuthorizedKeys.Count > 0)
            members["ssh_authorized_keys"] = user.AuthorizedKeys;
        if (user.Groups.Count > 0)
            members["groups"] = user.Groups;
        if (user.Sudo is { } rule)
            members["sudo"] = rule;
        return members;
    }

    private static object FileOf(CloudFile file)
    {
        var members = new Dictionary<string, object>
        {
            ["path"] = file.Path,
            ["content"] = file.Content,
            ["permissions"] = file.Permissions,
            ["owner"] = file.Owner,
        };
        if (file.Owner != "root:root")
            // The owner may be a user that is only made later.
            members["defer"] = true;
        return members;
    }
}
