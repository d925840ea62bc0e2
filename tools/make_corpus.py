"""Gathers a corpus every machine already has: docstrings of the interpreter's own modules and installed packages.

One document per docstring or long comment-free module docstring, as JSONL {"id", "stratum", "text"}, where the stratum
is the top-level package. Deterministic for a given interpreter: files in sorted order, duplicates dropped by content.
Nothing is imported or executed; sources are parsed. The text stays on this machine.
"""

import argparse
import ast
import hashlib
import inspect
import json
import os
import pathlib
import sysconfig
import warnings

SKIPPED_FOLDERS = {"test", "tests", "idlelib", "lib2to3", "__pycache__", "site-packages", "_vendor", "include"}


def source_files(root):
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith(".py"):
                yield pathlib.Path(folder, name)


def docstrings(path):
    """Yields (qualified name, cleaned docstring) of a module, its classes and its functions."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, holders):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", "module"), inspect.cleandoc(text)


def documents(roots, shortest):
    seen = set()
    for root in roots:
        for path in source_files(root):
            relative = path.relative_to(root)
            stratum = relative.parts[0].removesuffix(".py")
            for name, text in docstrings(path):
                digest = hashlib.sha256(text.encode()).hexdigest()
                if len(text) >= shortest and digest not in seen:
                    seen.add(digest)
                    yield {"id": f"{relative}:{name}:{digest[:8]}", "stratum": stratum, "text": text}


def select(found, limit):
    """Keeps `limit` documents, chosen by content hash so that no package fills the corpus, in a fixed order."""
    ranked = sorted(found, key=lambda document: hashlib.sha256(document["text"].encode()).digest())
    return ranked[:limit]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--shortest", type=int, default=500, help="characters; shorter docstrings are left out")
    parser.add_argument("--limit", type=int, default=1200, help="documents")
    arguments = parser.parse_args()
    roots = [pathlib.Path(sysconfig.get_path("stdlib")), pathlib.Path(sysconfig.get_path("purelib"))]
    chosen = select(documents(roots, arguments.shortest), arguments.limit)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = arguments.out.with_suffix(".incomplete")
    with temporary.open("w", encoding="utf-8") as stream:
        for document in chosen:
            stream.write(json.dumps(document, ensure_ascii=False) + "\n")
    temporary.replace(arguments.out)
    characters = sum(len(document["text"]) for document in chosen)
    print(f"{len(chosen)} documents, {characters} characters -> {arguments.out}")


if __name__ == "__main__":
    main()
