"""Counts of what makes a house hard to live in, from its source alone."""

import ast
import statistics
from collections import Counter, defaultdict
from pathlib import Path

# a change, and the name of a thing of that kind: the files whose code names it are those to open
CHANGES = {
    "a teacher shorthand": "isomap",
    "a clustering method": "ThresholdedSubspaceClustering",
    "an autoencoder": "LeastVolumeAutoencoder",
    "a metric in the report": "trustworthiness",
}


def sources(root):
    """Map each source file of a checkout, as a path from the package, to its text."""
    package = Path(root) / "sksubspace"
    return {
        path.relative_to(package): path.read_text(encoding="utf8")
        for path in sorted(package.rglob("*.py"))
    }


def parsed(texts):
    """Map each file to its syntax tree."""
    return {path: ast.parse(text) for path, text in texts.items()}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def own_attributes(tree):
    """Yield (name, is set) of every private attribute of `self` in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "self" and is_private(node.attr):
                yield node.attr, isinstance(node.ctx, ast.Store)


def private_methods(tree):
    """Yield the names of the private methods that the classes of a file define."""
    for node in ast.walk(tree):
        for member in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(member, ast.FunctionDef) and is_private(member.name):
                yield member.name


def across_files(defined, read):
    """Map names that are defined in some files and read through `self` in others to both."""
    return {
        name: (defined[name], read[name] - defined[name])
        for name in sorted(defined)
        if read[name] - defined[name]
    }


def collected(trees, names_of):
    """Map each name that `names_of(tree)` gives to the files that give it."""
    found = defaultdict(set)
    for path, tree in trees.items():
        for name in names_of(tree):
            found[name].add(path)
    return found


def attributes_across_files(trees):
    """Private attributes set on self in one file and only read in another."""
    stored = collected(
        trees, lambda tree: (name for name, is_set in own_attributes(tree) if is_set)
    )
    read = collected(
        trees, lambda tree: (name for name, is_set in own_attributes(tree) if not is_set)
    )
    return across_files(stored, read)


def methods_across_files(trees):
    """Private methods defined in one file and called on self in another."""
    read = collected(
        trees, lambda tree: (name for name, is_set in own_attributes(tree) if not is_set)
    )
    return across_files(collected(trees, private_methods), read)


def top_level_names(tree):
    """Yield the functions and classes of a file."""
    return (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef))


def names_twice(trees):
    """Return the top-level names of two or more files, and their share of all names."""
    names = collected(trees, top_level_names)
    twice = {name: paths for name, paths in sorted(names.items()) if len(paths) > 1}
    return twice, len(twice) / len(names)


def stubs(trees):
    """Name the files that raise `NotImplementedError`, by how often."""
    found = Counter()
    for path, tree in trees.items():
        raised = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc]
        found[str(path)] += sum("NotImplementedError" in ast.unparse(exc) for exc in raised)
    return +found


def files_per_folder(trees):
    """Count the files of each folder but its `__init__`."""
    return Counter(str(path.parent) for path in trees if path.name != "__init__.py")


def home(path):
    """Return the folder, or the module at the top, that a file belongs to."""
    return path.parts[0].removesuffix(".py")


def folder_graph(trees):
    """Map each folder to the folders that it imports, lazily or not; `__init__` hands names on."""
    graph = defaultdict(set)
    for path, tree in trees.items():
        if path.parts[0] == "__init__.py":
            continue
        for node in ast.walk(tree):
            for name in imported(node):
                package, _, rest = name.partition(".")
                there = rest.split(".")[0]
                if package == "sksubspace" and there and there != home(path):
                    graph[home(path)].add(there)
    return graph


def imported(node):
    """Return the dotted names that a node imports; this library has no relative imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def reachable(graph, start):
    """Return all folders that a folder imports, by whatever way."""
    seen, waiting = set(), [*graph.get(start, ())]
    while waiting:
        there = waiting.pop()
        if there not in seen:
            seen.add(there)
            waiting += graph.get(there, ())
    return seen


def circles(graph):
    """Return the sets of folders that import each other, each as a sorted tuple."""
    reach = {folder: reachable(graph, folder) for folder in graph}
    found = set()
    for folder in graph:
        ring = {there for there in reach[folder] if folder in reach.get(there, ())}
        if ring:
            found.add(tuple(sorted(ring | {folder})))
    return sorted(found)


def code_names(tree):
    """Yield what the code of a file defines, imports, uses or compares to; no docstring is it."""
    for node in ast.walk(tree):
        for field in ("name", "id", "attr", "value"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def files_to_open(trees):
    """Name, for each change, the files whose code names a thing of that kind.

    That is the file that holds it, each file that knows it by name, and the page of public names of
    its folder; the pages of private subpackages and of the top, which hand on what that page has,
    are left out. What a text says about it is not counted. A decoder is one class of the caller's,
    with which no file here is opened: `tests/_student` has one.
    """
    pages = {path for path in trees if path.name == "__init__.py" and len(path.parts) != 2}
    names = collected({path: trees[path] for path in trees.keys() - pages}, code_names)
    return {change: sorted(map(str, names[name])) for change, name in CHANGES.items()}


def counts(root):
    """Return all counts of a checkout by name."""
    texts = sources(root)
    trees = parsed(texts)
    lines = [line.strip() for text in texts.values() for line in text.splitlines()]
    twice, share = names_twice(trees)
    table = {
        "circles between folders": len(circles(folder_graph(trees))),
        "private attributes across files": len(attributes_across_files(trees)),
        "private methods on self across files": len(methods_across_files(trees)),
        "names defined in two or more files": len(twice),
        "share of names defined twice": round(share, 3),
        "methods that are only promised": sum(stubs(trees).values()),
        "median files a folder": statistics.median(files_per_folder(trees).values()),
        "source lines": len(lines),
        "share of comment lines": round(sum(map(is_comment, lines)) / len(lines), 3),
    }
    return table | {f"files to open: {key}": len(f) for key, f in files_to_open(trees).items()}


def is_comment(line):
    return line.startswith("#")
