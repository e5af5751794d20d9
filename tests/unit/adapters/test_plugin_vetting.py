"""Plug-ins looked at before they are loaded: whose are they, are they what was pinned."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsonde.adapters.plugins import Vetted, find_tools, vet
from netsonde.domain.tools import TOOLS

TOOL = (
    "from netsonde.domain.tool import Tool\n"
    "class AcmeTool(Tool):\n"
    "    command_name = 'acme'\n"
    "    allowed_flags = ('-a',)\n"
)
TRAP = "import sys\nsys.modules['acme_was_imported'] = sys\n"
OURS = "netsonde.domain.tools"


class Site:
    """A folder of installed distributions, on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str = "acme-netsonde",
        points: str = "[netsonde.tools]\nacme = acme_tools.tool:AcmeTool\n",
        files: dict[str, str] | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        info = f"{name.replace('-', '_')}-1.2.dist-info"
        files = (
            {"acme_tools/__init__.py": "", "acme_tools/tool.py": TOOL} if files is None else files
        )
        files = files | {
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n",
            f"{info}/entry_points.txt": points,
            **{f"{info}/{path}": text for path, text in (more or {}).items()},
        }
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        listed = [*files, "../../bin/acme", f"{info}/RECORD", "acme_tools/__pycache__/tool.pyc"]
        record = "".join(f"{path},,\n" for path in listed)
        (self.folder / info / "RECORD").write_text(record)

    def digest(self) -> str:
        """What it is now."""
        (one,) = vet(["acme"]).provenances
        assert one.sha256 is not None
        return one.sha256

    def pinned(self, digest: str) -> Vetted:
        return vet([f"acme@sha256:{digest}"])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    for name in [name for name in sys.modules if name.startswith("acme")]:
        del sys.modules[name]


def test_the_digest_is_that_of_what_sha256sum_prints_for_the_files(site: Site) -> None:
    site.install()
    paths = (
        "acme_netsonde-1.2.dist-info/METADATA",
        "acme_netsonde-1.2.dist-info/entry_points.txt",
        "acme_tools/__init__.py",
        "acme_tools/tool.py",
    )
    lines = [
        f"{hashlib.sha256((site.folder / path).read_bytes()).hexdigest()}  {path}\n"
        for path in paths
    ]
    assert site.digest() == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_plug_in_is_told_with_distribution_version_and_groups_and_nothing_is_imported(
    site: Site,
) -> None:
    points = "[netsonde.tools]\nacme = acme_tools\n[netsonde.metrics]\nacme = acme_tools:add\n"
    site.install(points=points, files={"acme_tools/__init__.py": TRAP})
    (one,) = vet(["acme"]).provenances
    assert (one.distribution, one.version, one.files) == ("acme-netsonde", "1.2", 3)
    assert one.groups == ("netsonde.metrics", "netsonde.tools")
    assert (one.pinned, one.note) == (False, "")
    assert "acme_was_imported" not in sys.modules


def test_what_an_installer_writes_does_not_change_the_digest(site: Site) -> None:
    site.install()
    before = site.digest()
    site.install(more={"INSTALLER": "uv", "REQUESTED": "", "direct_url.json": '{"url": "x"}'})
    assert site.digest() == before


def test_a_plug_in_with_the_pinned_digest_is_loaded_and_its_tool_tells(site: Site) -> None:
    site.install()
    found = find_tools(OURS, site.pinned(site.digest()))
    assert [tool.name for tool in found.tools][len(TOOLS) :] == ["AcmeTool"]
    assert set(found.provenances) == {"AcmeTool"}
    assert found.provenances["AcmeTool"].pinned
    assert (found.broken, found.plugins) == ((), (found.provenances["AcmeTool"],))


@pytest.mark.parametrize("path", ["tool.py", "__init__.py"])
def test_a_changed_plug_in_is_broken_and_not_imported(site: Site, path: str) -> None:
    site.install()
    digest = site.digest()
    (site.folder / "acme_tools" / path).write_text(TRAP + TOOL)
    vetted = site.pinned(digest)
    found = find_tools(OURS, vetted)
    assert (vetted.names, len(found.tools)) == ((), len(TOOLS))
    (broken,) = found.broken
    assert broken.source == "plug-in acme"
    assert digest in broken.reason
    assert "acme_was_imported" not in sys.modules


def test_a_file_that_is_gone_is_broken(site: Site) -> None:
    site.install()
    digest = site.digest()
    (site.folder / "acme_tools" / "tool.py").unlink()
    assert "tool.py" in site.pinned(digest).broken[0].reason


def test_a_module_that_another_distribution_put_into_the_package_is_broken(site: Site) -> None:
    points = "[netsonde.tools]\nacme = acme_tools\n"
    site.install(points=points)
    digest = site.digest()
    assert site.pinned(digest).names == ("acme",)
    (site.folder / "acme_tools" / "more.py").write_text(TRAP)
    assert "more.py" in site.pinned(digest).broken[0].reason


def test_a_module_of_the_same_name_earlier_on_the_path_is_broken(
    site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install()
    digest = site.digest()
    earlier = tmp_path_factory.mktemp("earlier")
    (earlier / "acme_tools").mkdir()
    (earlier / "acme_tools" / "__init__.py").write_text(TRAP)
    monkeypatch.syspath_prepend(str(earlier))
    assert str(earlier) in site.pinned(digest).broken[0].reason
    (one,) = vet(["acme"]).provenances
    assert str(earlier) in one.note


@pytest.mark.parametrize("module", ["os", "json.decoder", "no.such.module"])
def test_an_entry_point_into_other_code_can_not_be_pinned(site: Site, module: str) -> None:
    site.install(points=f"[netsonde.tools]\nacme = {module}:X\n")
    assert module in site.pinned(site.digest()).broken[0].reason


def test_an_editable_plug_in_has_no_digest_and_can_not_be_pinned(site: Site) -> None:
    site.install(more={"direct_url.json": '{"url": "file:///x", "dir_info": {"editable": true}}'})
    (one,) = vet(["acme"]).provenances
    assert (one.sha256, "editable" in one.note) == (None, True)
    assert site.pinned("0" * 64).names == ()


def test_a_distribution_without_a_list_of_files_can_not_be_pinned(site: Site) -> None:
    site.install()
    (site.folder / "acme_netsonde-1.2.dist-info" / "RECORD").unlink()
    (one,) = vet(["acme"]).provenances
    assert one.sha256 is None
    assert "RECORD" in site.pinned("0" * 64).broken[0].reason


def test_a_name_that_two_distributions_have_is_broken_pinned_or_not(site: Site) -> None:
    site.install()
    digest = site.digest()
    site.install("rogue", "[netsonde.health]\nacme = rogue\n", {"rogue.py": TRAP})
    for vetted in (vet(["acme"]), site.pinned(digest)):
        assert vetted.names == ()
        assert "acme-netsonde, rogue" in vetted.broken[0].reason


def test_a_name_that_nobody_has_is_left_to_the_loader(site: Site) -> None:
    assert vet(["unheard-of"]) == Vetted(names=("unheard-of",))
    found = find_tools(OURS, site.pinned("0" * 64))
    assert found.broken[0].source == "plug-in acme"


def test_nothing_wanted_is_nothing_vetted() -> None:
    assert vet([]) == Vetted()


def test_a_package_of_tools_tells_its_modules_digest() -> None:
    found = find_tools("tests.unit.adapters.plugin_samples.searched", vet([]))
    provenance = found.provenances["EchoTool"]
    assert provenance.name == "tests.unit.adapters.plugin_samples.searched"
    assert (provenance.sha256 is None, provenance.files > 1) == (False, True)
    assert find_tools(OURS, vet([])).provenances == {}
