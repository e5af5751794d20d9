"""Asks the real tools about deploy/: Compose's schema, promtool, nginx, systemd-analyze, sh.

What agrees or not within the repository is tested by tests/unit/deploy. A tool that is not
installed is named and passed over; with --require it counts as a failure.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # its stubs are another package
import trustme
import yaml

_TOP = Path(__file__).parent.parent
_DEPLOY = _TOP / "deploy"
_SCHEMAS = _TOP / ".dev" / "schemas"
_COMPOSE_SCHEMA = _SCHEMAS / "check_jsonschema" / "builtin_schemas" / "vendor" / "compose-spec.json"
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WORST_EXPOSURE = 20  # of 100, in systemd-analyze's scale of tenths; 18 when it was written


class Missing(Exception):
    """A tool that is not installed here; the text names it and its Debian package."""


class Failed(Exception):
    """What a tool had to say."""


def _run(tool: str, package: str, *words: str | Path) -> str:
    """The tool's whole output; `Failed` with it unless the tool is content."""
    path = shutil.which(tool, path=_SEARCH_PATH)
    if path is None:
        raise Missing(f"{tool} is not installed (Debian: {package})")
    done = subprocess.run(
        [path, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )
    if done.returncode != 0:
        raise Failed(done.stdout.strip())
    return done.stdout


def compose() -> str:
    """compose.yaml against the Compose Specification's schema."""
    if not _COMPOSE_SCHEMA.exists():
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        pip += ["--no-deps", "--require-hashes", "--target", str(_SCHEMAS)]
        subprocess.run([*pip, "-r", _TOP / "requirements" / "schemas.txt"], check=True)
    schema = json.loads(_COMPOSE_SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    document = yaml.safe_load((_DEPLOY / "docker" / "compose.yaml").read_text())
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    if errors:
        raise Failed("\n".join(errors))
    return f"{len(document['services'])} services are valid"


def prometheus() -> str:
    """The configuration, the alerts, and their tests."""
    folder = _DEPLOY / "prometheus"
    _run("promtool", "prometheus", "check", "config", folder / "prometheus.yml")
    _run("promtool", "prometheus", "test", "rules", folder / "rules_test.yml")
    rules = yaml.safe_load((folder / "rules.yml").read_text())["groups"][0]["rules"]
    return f"{len(rules)} alerts are valid, and fire when they should"


def dashboard() -> str:
    """Each expression of the dashboard is PromQL, once Grafana has put its variables in."""
    told = json.loads((_DEPLOY / "grafana" / "netsonde.json").read_text())
    expressions = [t["expr"] for panel in told["panels"] for t in panel.get("targets", ())]
    rules = [
        {"record": f"panel:{number}", "expr": re.sub(r"\$__\w+", "5m", expression)}
        for number, expression in enumerate(expressions)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "dashboard.yml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
        _run("promtool", "prometheus", "check", "rules", file)
    return f"{len(rules)} expressions are PromQL"


def nginx() -> str:
    """nginx -t, with a certificate made for it and every path in a folder of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        certificate = trustme.CA().issue_cert("netsonde.example.com")
        certificate.private_key_pem.write_to_path(folder / "privkey.pem")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(folder / "fullchain.pem", append=True)
        site = (_DEPLOY / "nginx" / "netsonde.conf").read_text()
        (folder / "site.conf").write_text(site.replace("/etc/ssl/netsonde", str(folder)))
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
            f"http {{ access_log off;\n{paths}include {folder}/site.conf;\n}}\n"
        )
        _run("nginx", "nginx-light", "-t", "-q", "-p", folder, "-c", folder / "nginx.conf")
    return "the configuration is valid"


def systemd() -> str:
    """The unit is understood to the last line, and no more exposed than it was."""
    text = (_DEPLOY / "systemd" / "netsonde.service").read_text()
    with tempfile.TemporaryDirectory() as temporary:
        unit = Path(temporary) / "netsonde.service"
        # verify wants the program to be there, and it is installed later.
        unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M))
        if said := _run("systemd-analyze", "systemd", "verify", "--man=no", unit).strip():
            raise Failed(said)  # it warns of what it does not know, and ends with 0
        security = ("security", "--offline=yes", f"--threshold={_WORST_EXPOSURE}", "--no-pager")
        said = _run("systemd-analyze", "systemd", *security, unit)
    score = re.search(r"exposure level for .*: ([\d.]+ \w+)", said)
    return f"the unit is valid; exposure {score[1] if score else 'unknown'}"


def entrypoint() -> str:
    """The shell of the image can read it, and so can shellcheck where it is installed."""
    script = _DEPLOY / "docker" / "entrypoint.sh"
    _run("sh", "dash", "-n", script)
    try:
        _run("shellcheck", "shellcheck", script)
    except Missing:
        return "sh can read it; shellcheck is not installed"
    return "sh and shellcheck have nothing to say"


CHECKS: tuple[Callable[[], str], ...] = (
    compose,
    entrypoint,
    prometheus,
    dashboard,
    nginx,
    systemd,
)


def main(words: list[str]) -> int:
    """Run every check; 1 if one failed, or with --require if one could not be made."""
    bad = 0
    for check in CHECKS:
        try:
            verdict = f"ok       {check()}"
        except Missing as error:
            verdict = f"skipped  {error}"
            bad += "--require" in words
        except Failed as error:
            verdict = f"FAILED\n{error}"
            bad += 1
        print(f"{check.__name__:<12}{verdict}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
