"""Compiles model programs: the explorer once, each program on its own, nothing of the library."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/model"
# The folders that headers are included from.
INCLUDES = ("core/include", "core/src")
FLAGS = ("-std=c++20", "-w", f"-I{MODEL}")


def sh(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)


def compiler():
    return os.environ.get("CXX", "g++")


def compile_one(source, target, *flags):
    """What the compiler said if it failed, else nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    launcher = ["ccache"] if shutil.which("ccache") else []
    places = [f"-I{ROOT / i}" for i in INCLUDES]
    done = sh(*launcher, compiler(), *FLAGS, *flags, *places, "-c", source, "-o", target)
    return done.stderr if done.returncode else ""


def build_explorer(folder, *flags):
    objects = []
    for source in sorted((MODEL / "explorer").glob("*.cpp")):
        objects.append(folder / f"{source.stem}.o")
        if told := compile_one(source, objects[-1], *flags):
            sys.exit(told)
    return objects


def build_program(name, folder, objects, *flags):
    """The program of <name>_test.cpp, or what the compiler said."""
    if told := compile_one(MODEL / f"{name}_test.cpp", folder / f"{name}.o", *flags):
        return None, told
    program = folder / name
    done = sh(compiler(), folder / f"{name}.o", *objects, "-lgtest", "-lgtest_main", "-o", program)
    return (program, "") if done.returncode == 0 else (None, done.stderr)
