# SPDX-License-Identifier: Apache-2.0
"""The files of the source tree: what git knows or would add; in an unpacked archive, all but builds."""
import os
import pathlib
import subprocess


def files(root):
    root = pathlib.Path(root).resolve()
    if (root / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, stdout=subprocess.PIPE).stdout
        names = sorted(name for name in listed.decode().split("\0") if name)
    else:
        names = []
        for folder, folders, found in os.walk(root):
            relative = pathlib.Path(folder).relative_to(root)
            folders[:] = sorted(name for name in folders if not name.startswith("build"))
            names += [str(relative / name) for name in sorted(found)]
    # Listed and deleted in the working tree: not there any more.
    return [name for name in names if (root / name).is_file()]
