"""The files of all packages that a script begins with. In: the script; out: each file, and its place below a folder to import from.

Whoever copies them there spares an interpreter a search of many folders, which are slow where this is for. Packages are whole: what a
package imports later is looked for where the rest of it is.
"""

import importlib
import importlib.util
import os
import sys


def below(path):
    if os.path.isfile(path):
        yield path
    for folder, _, files in os.walk(path):
        yield from (os.path.join(folder, file) for file in files)


def main():
    folder, script = os.path.split(sys.argv[1])
    sys.path.insert(0, folder)
    importlib.import_module(script.removesuffix(".py"))
    roots = sorted(filter(os.path.isdir, sys.path), key=len, reverse=True)
    wholes = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        root = next((root for root in roots if file and file.startswith(root + os.sep)), None)
        if root:
            wholes.add((root, os.path.relpath(file, root).split(os.sep)[0]))
            if file == os.path.join(root, os.path.basename(file)) and file.endswith(".py"):
                compiled = importlib.util.cache_from_source(file)
                wholes.add((root, os.path.relpath(compiled, root)))
    # What pip keeps for a package of the libraries that its wheel brought lies beside it.
    wholes |= {(root, f"{whole}.libs") for root, whole in wholes}
    for root, whole in wholes:
        for file in below(os.path.join(root, whole)):
            print(file, os.path.relpath(file, root), sep="\t")


main()
