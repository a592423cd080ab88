"""Zips that are the same everywhere, trees without what no function needs, and what Terraform is told."""

import json
import os
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from agent_framework.cli.deployment.packaging import Package, write_packages_tfvars
from agent_framework.cli.deployment.packaging.files import digest_of, link_tree, sha256_of, tree_files, write_zip
from agent_framework.cli.deployment.packaging.pruning import owners, prune, prune_bytecode, refuse_dangerous
from agent_framework.errors import ForbiddenFileError, PackagingError


def write(folder: Path, *names: str, text: str = "x") -> dict[str, Path]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return {name: folder / name for name in names}


def test_a_zip_depends_on_names_and_contents_and_nothing_else(tmp_path: Path) -> None:
    first = write(tmp_path / "a", "b.py", "a/c.so", "run.sh")
    second = write(tmp_path / "b", "run.sh", "a/c.so", "b.py")
    for number, path in enumerate(second.values()):
        os.utime(path, (number, number))
    first["b.py"].chmod(0o600)
    first["a/c.so"].chmod(0o755)
    for files, name in ((first, "1.zip"), (second, "2.zip")):
        files["run.sh"].chmod(0o700)
        write_zip(tmp_path / name, files)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        entries = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
    assert entries == {"a/c.so": "0o100644", "b.py": "0o100644", "run.sh": "0o100755"}
    assert list(entries) == sorted(entries)


def test_files_are_put_on_a_base_without_changing_it(tmp_path: Path) -> None:
    write_zip(tmp_path / "base.zip", write(tmp_path / "a", "lib.py"))
    before = sha256_of(tmp_path / "base.zip")
    for name in ("1.zip", "2.zip"):
        write_zip(tmp_path / name, write(tmp_path / "b", "mine.py"), base=tmp_path / "base.zip")
    assert sha256_of(tmp_path / "1.zip") == sha256_of(tmp_path / "2.zip")
    assert sha256_of(tmp_path / "base.zip") == before
    assert zipfile.ZipFile(tmp_path / "1.zip").namelist() == ["lib.py", "mine.py"]


@pytest.mark.parametrize("name", ["../out.py", "/etc/passwd", "a/../../b", "a\\b", "a\0b"])
def test_names_that_lead_out_of_the_zip_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackagingError, match="leads out"):
        write_zip(tmp_path / "a.zip", {name: write(tmp_path, "x.py")["x.py"]})


def test_a_file_of_the_project_cannot_replace_one_of_a_dependency(tmp_path: Path) -> None:
    files = write(tmp_path / "a", "yaml/__init__.py")
    write_zip(tmp_path / "base.zip", files)
    with pytest.raises(PackagingError, match=r"yaml/__init__\.py comes with the project and with a dependency"):
        write_zip(tmp_path / "a.zip", files, base=tmp_path / "base.zip")


def test_a_digest_changes_with_a_name_a_content_and_a_mode(tmp_path: Path) -> None:
    files = write(tmp_path, "a.sh", "b.sh")
    digests = {digest_of(files), digest_of({"a.sh": files["a.sh"]}), digest_of({"a.sh": b"other"})}
    files["a.sh"].chmod(0o755)
    assert len({*digests, digest_of(files)}) == 4


def installed(tree: Path, *names: str, description: str = "Long.") -> Path:
    write(tree, *names, "thing-1.0.dist-info/INSTALLER", "thing-1.0.dist-info/licenses/LICENSE", "bin/thing", ".lock")
    metadata = f"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nRequires-Dist: other\n\n{description}\n"
    write(tree, "thing-1.0.dist-info/METADATA", text=metadata)
    write(tree, "thing-1.0.dist-info/RECORD", text="".join(f'"{name}",sha256=x,1\n' for name in names))
    return tree


def test_pruning_keeps_what_runs_and_what_metadata_is_asked_for(tmp_path: Path) -> None:
    tree = installed(tmp_path / "tree", "thing/__init__.py", "thing/tests/test_a.py", "thing/testing.py", "cffi/api.py")
    copy = tmp_path / "copy"
    link_tree(tree, copy)
    prune(copy, own_requirements=False)
    assert list(tree_files(copy)) == [
        "thing-1.0.dist-info/METADATA",
        "thing-1.0.dist-info/licenses/LICENSE",
        "thing/__init__.py",
        "thing/testing.py",
    ]
    found = PathDistribution(copy / "thing-1.0.dist-info")
    assert (found.version, found.requires) == ("1.0", ["other"])
    assert "Long." in (tree / "thing-1.0.dist-info/METADATA").read_text(), "the file it was linked to is as it was"


def test_parts_of_our_requirements_stay_where_an_agent_has_its_own(tmp_path: Path) -> None:
    tree = installed(tmp_path, "cffi/api.py")
    prune(tree, own_requirements=True)
    assert "cffi/api.py" in tree_files(tree)


@pytest.mark.parametrize("name", ["evil.pth", "thing/deep/evil.PTH"])
def test_a_pth_file_is_refused_with_the_name_of_its_distribution(tmp_path: Path, name: str) -> None:
    tree = installed(tmp_path, name)
    with pytest.raises(ForbiddenFileError, match=f"thing of worker has the file {name}"):
        refuse_dangerous(tree, owners(tree), where="worker")


def test_a_link_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    tree = installed(tmp_path / "tree", "thing/link")
    (tree / "thing/link").unlink()
    (tree / "thing/link").symlink_to("/etc/passwd")
    with pytest.raises(ForbiddenFileError, match="thing of worker has the link thing/link to /etc/passwd"):
        refuse_dangerous(tree, owners(tree), where="worker")


def package(folder: Path, agent: str, sha256: str = "00" * 32) -> Package:
    path = folder / f".agent-framework/packages/{agent}.zip"
    return Package(agent, "worker", "x86_64", path, sha256, 1, 1, None, ())


def test_terraform_is_told_key_hash_and_path(tmp_path: Path) -> None:
    written = write_packages_tfvars(tmp_path, [package(tmp_path, "one", "ff" * 32)])
    assert json.loads(written.read_text()) == {
        "packages": {
            "one": {
                "path": "../.agent-framework/packages/one.zip",
                "s3_key": f"packages/one/{'ff' * 32}.zip",
                "source_code_hash": "//////////////////////////////////////////8=",
            }
        }
    }


def test_other_agents_entries_stay_only_where_they_are_to(tmp_path: Path) -> None:
    write_packages_tfvars(tmp_path, [package(tmp_path, "one"), package(tmp_path, "two")])
    merged = write_packages_tfvars(tmp_path, [package(tmp_path, "one")], merge=True)
    assert list(json.loads(merged.read_text())["packages"]) == ["one", "two"]
    whole = write_packages_tfvars(tmp_path, [package(tmp_path, "one")])
    assert list(json.loads(whole.read_text())["packages"]) == ["one"]


def test_litellm_keeps_what_calls_load_and_loses_its_servers_pages(tmp_path: Path) -> None:
    proxy = "litellm/proxy"
    kept = [f"{proxy}/_types.py", f"{proxy}/__pycache__/_types.cpython-313.pyc", f"{proxy}/proxy_server.py"]
    write(tmp_path, *kept, f"{proxy}/__pycache__/proxy_server.cpython-313.pyc", f"{proxy}/_experimental/out/index.html")
    prune_bytecode(tmp_path)
    assert list(tree_files(tmp_path)) == sorted([*kept, f"{proxy}/_experimental/out/index.html"])
    prune(tmp_path, own_requirements=True)
    assert list(tree_files(tmp_path)) == [f"{proxy}/_types.py", f"{proxy}/proxy_server.py"]


def test_a_litellm_that_can_be_a_server_is_left_whole(tmp_path: Path) -> None:
    write(tmp_path, "fastapi/__init__.py", "litellm/proxy/_experimental/out/index.html")
    prune(tmp_path, own_requirements=True)
    assert "litellm/proxy/_experimental/out/index.html" in tree_files(tmp_path)
