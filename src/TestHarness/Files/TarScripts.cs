namespace TestHarness.Files;

/// <summary>What tar is run by in a guest.</summary>
internal static class TarScripts
{
    // $1 folder, $2 name in it, $3 -h where links are followed. GNU tar's own format, which every tar reads. What goes away or changes
    // while it is read is told apart from failures, by rsync's code: GNU tar has one for it (1), busybox's only its words. A link that
    // leads nowhere looks the same to both.
    public const string Send = """
        [ -e "$1/$2" ] || [ -L "$1/$2" ] || { echo "$1$2: No such file or directory" >&2; exit 1; }
        cd "$1" || exit
        export LC_ALL=C
        gnu=
        case $(tar --version 2>&1) in *GNU*) gnu='--format=gnu -S' ;; esac
        exec 3>&1
        error=$(tar -c $3 $gnu -f - "./$2" 2>&1 >&3 3>&-)
        code=$?
        [ -z "$error" ] || printf '%s\n' "$error" >&2
        if [ -n "$3" ] && [ $code != 0 ]; then
          lost=$(find -L "./$2" -type l 2> /dev/null)
          [ -z "$lost" ] || { printf '%s: leads nowhere\n' "$lost" >&2; exit 1; }
        fi
        [ $code = 1 ] || exit $code
        [ -n "$gnu" ] ||
          ! printf '%s\n' "$error" | grep -qv -e ': No such file or directory$' -e 'exit delayed from previous errors$' ||
          exit 1
        exit 24
        """;

    // $1 target, $2 the source's name, or . for all that is in it, $3 for a single file: what stands there that a push would change, if
    // anything does.
    public const string Before =
        """
            if [ -d "$1" ]; then set -- "$1" "$2"; elif [ -n "$3" ]; then set -- "${1%/*}/" "${1##*/}"; fi
            [ -d "$1" ] && { [ -e "$1/$2" ] || [ -L "$1/$2" ]; } || exit 0

            """ + Send;

    // $1 target; the names come as input.
    public const string Remove = """cd "$1" && exec xargs -0 rm -rf --""";

    // $1 target, $2 user, $3 group. Says what is there: "new" for nothing, "empty" for a folder with nothing in it. All else is rsync's,
    // where there is one: files to compare, names that the guest does not know.
    public const string ReceiveFirst = """
        known() { case $2 in root) ;; *[!0-9]*) grep -q "^$2:" "/etc/$1" || exit 71 ;; esac; }
        command -v tar > /dev/null && command -v rsync > /dev/null || exit 71
        known passwd "$2"; known group "$3"
        if [ -e "$1" ] || [ -L "$1" ]; then
          [ -d "$1" ] && [ -z "$(ls -A "$1")" ] || exit 71
          there=empty
        else
          mkdir -p "$1" || exit 71
          there=new
        fi
        # GNU tar reads as much at once as it is told, and little otherwise; busybox's is a link.
        gnu=
        [ -L "$(command -v tar)" ] || gnu='-b 512 --warning=no-timestamp'
        cd "$1" && echo $there && exec tar -x -p $gnu -f -
        """;

    // $1 target, $2 name of a single file that is to be called so, $3 user, $4 group: names that the guest does not know would become
    // somebody else's numbers. $5: with holes.
    public const string Receive = """
        known() {
          case $2 in *[!0-9]*)
            grep -q "^$2:" "/etc/$1" 2>/dev/null || getent "$1" "$2" > /dev/null || { echo "$2: not in the guest's $1" >&2; exit 1; } ;;
          esac
        }
        known passwd "$3"; known group "$4"
        if [ -n "$5" ]; then
          case $(tar --version 2>&1) in *GNU*) ;; *) echo "the guest's tar can't make holes (SyncOptions.Sparse)" >&2; exit 1 ;; esac
        fi
        if [ -z "$2" ] || [ -d "$1" ]; then
          mkdir -p "$1" && cd "$1" && tar -x -p -f -
          code=$?
        else
          mkdir -p "${1%/*}/" && cd "${1%/*}/" || exit
          new=.testharness-$$
          mkdir "$new" && tar -x -p -f - -C "$new" && mv -f "$new/$2" "./${1##*/}"
          code=$?
        fi
        # GNU tar tells of a short write only.
        [ $code = 0 ] || df -P . 2> /dev/null | while read -r _ _ _ left _ on; do
          [ "$left" != 0 ] || echo "No space left on device: $on" >&2
        done
        [ -z "$new" ] || rm -rf "$new"
        exit $code
        """;
}
