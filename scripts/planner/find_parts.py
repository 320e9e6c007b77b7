"""The parts of composed requests for `find`: wordings, and the words of a command that they stand for.

A place in braces (`{name}`) is a value, the same one in the wording and in the command; the letters
say of which pool, a digit tells two of one pool apart. `{}` in a place's wording is the folder, `{top}`
a number above `{n}`, `{done}` the verb of the time that `{when}` names and `{suffix}` the ending of the
files in `{lang}`.
"""

from __future__ import annotations

from dataclasses import dataclass

VERBS = (
    "Find",
    "Find",
    "Find",
    "Search for",
    "List",
    "Print",
    "Display",
    "Show",
    "Locate",
    "Get",
    "Look for",
)
SUBJECTS = {  # wordings: how often, and the test
    "files": (8, ""),
    "files/directories": (3, ""),
    "files and directories": (1, ""),
    "regular files": (3, "-type f"),
    "regular/normal files": (1, "-type f"),
    "normal files": (1, "-type f"),
    "directories": (4, "-type d"),
    "folders": (1, "-type d"),
    "symbolic links": (1, "-type l"),
    "symlinks": (1, "-type l"),
}
PLACES = {  # the folder: how often, and its wordings
    ".": (10, (
        "in the current directory", "under the current directory", "in the current directory tree",
        "under current directory", "in current directory", "in the current folder", "in current folder",
        "below the current directory", "in the current directory and below", "under current directory tree",
        "in the current directory and its subdirectories", "in the current directory recursively",
        "from the current directory tree", "starting from the current directory", "",
    )),
    "/": (3, (
        "in the entire file system", "on the system", "starting from /", "in the whole file system",
        "in the root directory", "from the root directory down", "in the entire filesystem",
    )),
    "~": (2, (
        "in the home directory", "in your home directory", "under the home directory",
        "in the home folder", "in the home directory tree", "under ~",
    )),
    "/{dir}/{dir2}": (6, (
        "under {}", "in {}", "in the {} directory", "under the {} directory", "in the directory {}",
        "in directory tree {}", "in the folder {}", "in the {} directory tree", "below {}", "from {}",
        "under {} directory tree", "in and below {}", "under directory {}", "starting from {}",
    )),
    "{dir}": (2, (
        "in the directory {}", "in the {} directory", "in directory {}", "in the folder {}",
        "in the {} directory tree", "under the {} directory", "in the {} folder",
    )),
    "${dir}": (1, (
        "under ${dir}", "in directory ${dir}", "in the ${dir} directory", "under ${dir} directory tree",
    )),
}  # fmt: skip
DEPTHS = {  # the options: wordings that come after the place
    "-maxdepth 1": (
        "without descending into subdirectories", "and do not search in sub directories", "non-recursively",
        "in maximum 1 level down", "without going into sub-directories", "not in its subdirectories",
    ),
    "-maxdepth {level}": (
        "in maximum {level} levels deep", "descending at most {level} levels",
        "no deeper than {level} levels", "within a maximum of {level} levels of directories",
        "up to {level} levels deep",
    ),
    "-mindepth {level}": (
        "at least {level} levels deep", "below level {level}", "in minimum {level} levels deep",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Test:
    """One test of `find`: its kind, of which a request has one; the words; the wordings that ask for it."""

    kind: str
    words: str
    wordings: tuple[str, ...]
    weight: int = 1


NAME_KINDS = frozenset({"name", "no name"})
TESTS = (
    Test("name", "-name {name}", (
        "named {name}", "named '{name}'", 'named "{name}"', "with the name {name}", "called {name}",
        "whose name is {name}", "with name '{name}'", 'that are named "{name}"',
    ), 5),
    Test("name", "-iname {name}", (
        "named {name} case insensitively", 'named "{name}" (case insensitive)', "named {name}, ignoring case",
        "with case insensitive name {name}", "named {name} regardless of case",
    ), 2),
    Test("name", "-name '*.{ext}'", (
        "with extension .{ext}", "ending with .{ext}", "whose names end with .{ext}", 'ending in ".{ext}"',
        "with the {ext} extension", "matching '*.{ext}'", "matching the pattern *.{ext}",
        'whose names end in ".{ext}"', "with '.{ext}' extension", 'which end with ".{ext}"',
    ), 6),
    Test("name", "-name '{word}*'", (
        "starting with {word}", "whose names begin with {word}", 'that begin with "{word}"',
        "whose name starts with '{word}'", "beginning with '{word}'", "which start with {word}",
    ), 2),
    Test("name", "-name '*{word}*'", (
        "with {word} in their names", "containing '{word}' in their names", "whose name contains {word}",
        'that have "{word}" in their names', "whose names contain the string '{word}'",
        "matching '*{word}*'", 'which have the word "{word}" in their name',
    ), 2),
    Test("name", "-name '*{word}'", (
        "whose names end with {word}", "matching *{word}", 'ending with "{word}"',
    )),
    Test("name", "-name '.*'", ("whose names start with a dot", "that are hidden")),
    Test("no name", "! -name {name}", (
        "not named {name}", "except those named '{name}'", "that are not named {name}", "excluding {name}",
        'other than "{name}"', "whose name is not {name}",
    ), 2),
    Test("no name", "! -name '*.{ext2}'", (
        "except *.{ext2} files", "excluding *.{ext2}", "that do not end with .{ext2}",
        "whose names do not end with .{ext2}", "not matching '*.{ext2}'", "without the extension .{ext2}",
    ), 2),
    Test("path", "-path '*/{dir3}/*'", ("with /{dir3}/ in their path", "whose path contains '/{dir3}/'")),
    Test("no path", "! -path '*/{dir3}/*'", (
        "excluding those in {dir3} directories", "except those in directory {dir3}",
        "not in the {dir3} directory", "excluding the paths '*/{dir3}/*'", "that are not inside {dir3}",
    )),
    Test("time", "-{when}time -{n}", (
        "{done} in the last {n} days", "{done} within the last {n} days", "{done} less than {n} days ago",
        "{done} within the past {n} days", "which have been {done} in the last {n}*24 hours",
        "that were {done} less than {n} days ago", "{done} during the last {n} days",
    ), 3),
    Test("time", "-{when}time +{n}", (
        "{done} more than {n} days ago", "not {done} in the last {n} days", "{done} over {n} days ago",
        "that were last {done} more than {n} days ago", "which have not been {done} in the last {n}*24 hours",
        "that have not been {done} for more than {n} days",
    ), 3),
    Test("time", "-mtime +{n}", (
        "older than {n} days", "that are older than {n} days", "over {n} days old",
    ), 2),
    Test("time", "-mtime -{n}", ("newer than {n} days", "less than {n} days old")),
    Test("time", "-{when}time {n}", (
        "{done} exactly {n} days ago", "{done} {n} days ago", "that were {done} {n} days ago",
    )),
    Test("time", "-{when}time -1", (
        "{done} in the last 24 hours", "{done} within the last day", "{done} less than 1 day ago",
        "{done} in the last day",
    )),
    Test("time", "-{when}min -{n}", (
        "{done} in the last {n} minutes", "{done} less than {n} minutes ago", "{done} within {n} minutes",
        "that have been {done} within the last {n} minutes",
    ), 2),
    Test("time", "-{when}min +{n}", (
        "{done} more than {n} minutes ago", "not {done} in the last {n} minutes",
        "that were {done} over {n} minutes ago",
    )),
    Test("time", "-{when}min {n}", ("{done} {n} minutes ago", "{done} exactly {n} minutes ago")),
    Test("time", "-newer {name2}", (
        "newer than {name2}", "modified after {name2}", "modified more recently than {name2}",
        "that are newer than '{name2}'", "that have been modified since {name2}",
    ), 2),
    Test("time", "! -newer {name2}", ("not newer than {name2}", "that are not newer than file {name2}")),
    Test("size", "-size +{n}M", (
        "larger than {n}MB", "bigger than {n} MB", "greater than {n}M", "larger than {n} megabytes",
        "whose size is greater than {n}MB", "that are larger than {n}MB", "of more than {n}MB in size",
    ), 3),
    Test("size", "-size -{n}M", ("smaller than {n}MB", "of less than {n} MB", "whose size is below {n}MB")),
    Test("size", "-size +{n}k", (
        "larger than {n}KB", "bigger than {n} kilobytes", "greater than {n}k", "that are bigger than {n}kb",
    )),
    Test("size", "-size -{n}k", ("smaller than {n}KB", "less than {n} kilobytes in size", "under {n}k")),
    Test("size", "-size +{n}G", ("larger than {n}GB", "bigger than {n} gigabytes", "of more than {n}G")),
    Test("size", "-size +{n}c", (
        "larger than {n} bytes", "bigger than {n} bytes", "with more than {n} bytes",
    )),
    Test("size", "-size -{n}c", ("smaller than {n} bytes", "with less than {n} bytes")),
    Test("size", "-size {n}c", (
        "of exactly {n} bytes", "with a size of {n} bytes", "whose size is {n} bytes",
    )),
    Test("size", "-size {n}M", ("of exactly {n}MB", "with a size of {n} MB")),
    Test("size", "-size +{n}M -size -{top}M", (
        "larger than {n}MB and smaller than {top}MB", "between {n}MB and {top}MB",
        "of {n} to {top} MB in size", "bigger than {n}MB but less than {top}MB",
    )),
    Test("size", "-empty", ("that are empty", "which are empty"), 2),
    Test("size", "! -empty", ("that are not empty", "which are non-empty")),
    Test("mode", "-perm {mode}", (
        "with {mode} permissions", "with permissions {mode}", "whose permissions are {mode}",
        "with permission set to {mode}", "that have permission {mode}", "with mode {mode}",
        "having the permission {mode}", "with exactly the permissions {mode}",
    ), 3),
    Test("mode", "! -perm {mode}", (
        "without {mode} permissions", "whose permissions are not {mode}",
        "that do not have permission {mode}",
    ), 2),
    Test("mode", "-perm -4000", (
        "with the SUID bit set", "with SUID permission", "that have the SUID bit set",
    )),
    Test("mode", "-perm -2000", ("with the SGID bit set", "that have the SGID bit set")),
    Test("mode", "-perm -1000", ("with the sticky bit set",)),
    Test("user", "-user {user}", (
        "owned by user {user}", "owned by {user}", "that belong to user {user}", "belonging to user '{user}'",
        "which belong to the user {user}", "whose owner is {user}", 'that are owned by user "{user}"',
    ), 4),
    Test("user", "! -user {user}", (
        "not owned by {user}", "that are not owned by user {user}", "which do not belong to user {user}",
    ), 2),
    Test("user", "-nouser", ("that belong to no user", "without a valid owner", "not owned by any user")),
    Test("group", "-group {group}", (
        "owned by group {group}", "belonging to group {group}", "that belong to group '{group}'",
        "whose group is {group}", "which belong to the group {group}",
    ), 2),
    Test("group", "! -group {group}", ("not in group {group}", "that do not belong to group {group}")),
    Test("group", "-nogroup", ("that belong to no group", "without a valid group")),
    Test("links", "-links +{n}", ("with more than {n} links", "that have more than {n} hard links")),
    Test("links", "-inum {inode}", (
        "with inode number {inode}", "whose inode number is {inode}", "with inode {inode}",
    )),
)  # fmt: skip
PATTERNS = {  # before the subject: how often, and the tests
    "{lang} ": (5, "-name '*.{suffix}'"),
    "{lang} source ": (1, "-name '*.{suffix}'"),
    "*.{ext} ": (1, "-name '*.{ext}'"),
    ".{ext} ": (1, "-name '*.{ext}'"),
    "'*.{ext}' ": (1, "-name '*.{ext}'"),
    "{word}* ": (1, "-name '{word}*'"),
    "*{word}* ": (1, "-name '*{word}*'"),
    "empty ": (1, "-empty"),
    "non-empty ": (1, "! -empty"),
    "hidden ": (1, "-name '.*'"),
    "*.{ext} and *.{ext2} ": (1, "-name '*.{ext}' -o -name '*.{ext2}'"),
    ".{ext} or .{ext2} ": (1, "-name '*.{ext}' -o -name '*.{ext2}'"),
}


@dataclass(frozen=True, slots=True)
class Action:
    """What is done with what is found: how the command goes on, and how requests begin and end."""

    words: str
    frames: tuple[tuple[str, str], ...]  # nothing at the beginning: one of the verbs


ACTIONS = (
    Action(r"-exec rm {} \;", (
        ("Delete", ""), ("Remove", ""), ("", "and delete them"), ("", "and remove them"),
    )),
    Action(r"-exec ls -l {} \;", (
        ("Show a long listing of", ""), ("Display a long listing of", ""), ("", "and list them with ls -l"),
        ("", "and show their details"), ("", "and print them in long format"),
    )),
    Action("| wc -l", (
        ("Count", ""), ("Count the number of", ""), ("Print the number of", ""), ("", "and count them"),
    )),
    Action(r"-exec chmod {mode2} {} \;", (
        ("Change the permissions to {mode2} of", ""), ("Set permissions to {mode2} for", ""),
        ("Change the permissions of", "to {mode2}"), ("", "and change their permissions to {mode2}"),
        ("", "and set their permission to {mode2}"),
    )),
    Action(r"-exec chown {user2} {} \;", (
        ("Change the owner to {user2} of", ""), ("Change the owner of", "to {user2}"),
        ("", "and change their owner to {user2}"),
    )),
    Action(r"-exec cp {} {dir4} \;", (
        ("Copy", "to {dir4}"), ("", "and copy them to {dir4}"), ("", "and copy them to directory {dir4}"),
    )),
    Action(r"-exec mv {} {dir4} \;", (
        ("Move", "to {dir4}"), ("", "and move them to {dir4}"), ("", "and move them to directory {dir4}"),
    )),
    Action("-print0", (
        ("", "with null character as the delimiter"), ("", "separated by null characters"),
    )),
    Action("| xargs wc -l", (
        ("Count the lines of", ""), ("Count the number of lines in", ""), ("", "and count their lines"),
        ("", "and count lines"), ("", "and count the lines in them"),
    )),
    Action("| head -n {n2}", (
        ("", "and show only the first {n2}"), ("", "and print the first {n2} of them"),
    )),
    Action("> {name3}", (("", "and save the list to {name3}"), ("", "and write the list to {name3}"))),
    Action(r"-exec grep -l {word2} {} \;", (
        ("", "containing '{word2}'"), ("", 'that contain "{word2}"'),
    )),
    Action("| xargs grep {word2}", (
        ("Search for '{word2}' in", ""), ('Search for the string "{word2}" in', ""),
    )),
)  # fmt: skip
_WORDS = (
    "report", "notes", "data", "core", "main", "config", "users", "todo", "summary", "foo", "bar", "test",
    "input", "archive", "photo", "backup", "cache", "index", "README", "Makefile", "draft", "invoice",
)  # fmt: skip
EXTENSIONS = (
    "txt", "log", "c", "h", "py", "js", "java", "cpp", "html", "css", "xml", "json", "csv", "md", "sh", "pl",
    "php", "rb", "jpg", "png", "mp3", "pdf", "gz", "bak", "tmp", "conf", "o", "swp",
)  # fmt: skip
_FOLDERS = (
    "var", "etc", "usr", "tmp", "opt", "srv", "data", "src", "docs", "build", "images", "project",
    "www", "lib", "logs", "music", "work", "photos", "backup", "local", "share",
)  # fmt: skip
_USERS = ("root", "alice", "bob", "www-data", "user1", "john", "daisy", "admin", "mysql", "deploy", "tom")
_GROUPS = ("root", "staff", "users", "wheel", "admin", "www-data", "developers", "audio", "research")
_MODES = ("777", "755", "644", "600", "664", "700", "0777", "0644", "400", "640", "775", "750", "2755")
LANGUAGES = {
    "python": "py", "Python": "py", "rust": "rs", "Rust": "rs", "go": "go", "java": "java", "Java": "java",
    "javascript": "js", "JavaScript": "js", "typescript": "ts", "TypeScript": "ts", "ruby": "rb",
    "perl": "pl", "php": "php", "PHP": "php", "C": "c", "C++": "cpp", "c++": "cpp", "shell": "sh",
    "bash": "sh", "html": "html", "HTML": "html", "css": "css", "CSS": "css", "markdown": "md",
    "Markdown": "md", "text": "txt", "json": "json", "JSON": "json", "yaml": "yaml", "xml": "xml",
    "XML": "xml", "csv": "csv", "CSV": "csv", "pdf": "pdf", "PDF": "pdf", "sql": "sql", "SQL": "sql",
    "lua": "lua", "kotlin": "kt", "Kotlin": "kt", "swift": "swift", "haskell": "hs", "scala": "scala",
    "latex": "tex", "LaTeX": "tex", "header": "h", "object": "o", "log": "log",
}  # fmt: skip
POOLS = {
    "name": _WORDS, "word": _WORDS, "ext": EXTENSIONS, "dir": _FOLDERS, "user": _USERS, "group": _GROUPS,
    "mode": _MODES, "lang": tuple(LANGUAGES),
}  # fmt: skip
NUMBERS = (1, 2, 3, 5, 7, 10, 14, 15, 20, 30, 50, 60, 90, 100, 120, 500)
TIMES = {"m": "modified", "a": "accessed", "c": "changed"}
