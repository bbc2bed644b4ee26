"""The Dockerfile, as far as it can be checked without a container engine."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from shipped import ROOT, Shipped, output, run

TEXT = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
LINES = [line for line in TEXT.splitlines() if line.strip() and not line.startswith("#")]
FINAL = LINES[max(i for i, line in enumerate(LINES) if line.startswith("FROM ")):]
BINARY = pathlib.Path(os.environ.get("RIPCORD_BIN_DIR", ROOT / "build/dev/bin")) / "ripcord"


def installed_in_image():
    line = next(line for line in FINAL if "apt-get install" in line)
    words = line.split("--no-install-recommends", 1)[1].split("&&")[0].split()
    return set(words)


def package_of(library):
    """The Debian package of a shared library; Debian knows some by the path without /usr."""
    real = os.path.realpath(library)
    for path in (real, real.removeprefix("/usr"), library):
        found = subprocess.run(["dpkg", "-S", path], text=True, capture_output=True)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    raise AssertionError(f"no package has {library}")


def closure(packages):
    """The packages and everything that they depend on."""
    depends = output("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts",
                     "--no-breaks", "--no-replaces", "--no-enhances", *sorted(packages))
    return {line.strip().split(":")[0] for line in depends.splitlines() if re.match(r"^\S", line)}


class Image(Shipped):
    def test_has_a_build_stage_and_a_slim_one(self):
        self.assertEqual([line for line in LINES if line.startswith("FROM ")],
                         ["FROM debian:bookworm-slim AS build", "FROM debian:bookworm-slim"])

    def test_runs_as_the_user_that_the_deployment_names(self):
        self.assertEqual([line for line in FINAL if line.startswith("USER ")], ["USER 65532:65532"])

    def test_copies_only_what_is_there_and_let_through(self):
        let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        for line in LINES:
            if line.startswith("COPY ") and "--from" not in line:
                for source in line.split()[1:-1]:
                    self.assertTrue((ROOT / source).exists(), source)
                    self.assertIn(source, let_through)
        self.assertFalse([line for line in LINES if line.startswith("ADD ")])

    def test_cmake_finds_every_folder_that_it_adds(self):
        cmake = (ROOT / "CMakeLists.txt").read_text().split("if(RIPCORD_TESTS)")[0]
        for folder in re.findall(r"add_subdirectory\(([^)]+)\)", cmake):
            self.assertIn(f"COPY {folder.split('/')[0]} ", TEXT)

    def test_cmake_is_content_with_what_the_image_gets(self):
        """The context as the engine would see it, configured with the Dockerfile's own options."""
        command = re.search(r"cmake --preset release (.*?) +&& cmake --build", TEXT).group(1).split()
        with tempfile.TemporaryDirectory() as context:
            for line in (ROOT / ".dockerignore").read_text().splitlines():
                if line.startswith("!"):
                    target = pathlib.Path(context) / line[1:]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    source = ROOT / line[1:]
                    shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
            code, text = run("cmake", "--preset", "release", *command, cwd=context)
            self.assertEqual(code, 0, text)
            code, text = run("ninja", "-C", "build/release", "-n", "ripcord", "ripcord-adapter", cwd=context)
            self.assertEqual(code, 0, text)

    @unittest.skipUnless(BINARY.exists(), "ripcord is not built")
    def test_has_every_shared_library_that_the_binary_needs(self):
        needed = re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", BINARY))
        where = dict(re.findall(r"(\S+) => (\S+)", output("ldd", BINARY)))
        packages = {package_of(where[name]) for name in needed if name in where}
        self.assertGreater(len(packages), 5)
        self.assertEqual(packages - closure(installed_in_image()), set())

    def test_has_the_clients_that_restores_use(self):
        self.assertLess({"postgresql-client-15", "sqlite3", "ca-certificates"}, installed_in_image())


if __name__ == "__main__":
    unittest.main()
