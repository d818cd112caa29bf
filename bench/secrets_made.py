"""Makes secrets of many kinds, and the log lines they leak through, from a seed."""

import base64
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
BASE64 = ALNUM + "+/"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
HARD = ALNUM + "!#%^_-+.~"


@dataclass(frozen=True)
class Leak:
    """Lines to plant in a log; none of `parts` may be readable afterwards."""

    kind: str
    lines: tuple[bytes, ...]
    parts: tuple[str, ...]
    elsewhere: tuple[bytes, ...] = ()
    """Lines planted far away, in which the same value shows up again."""


def _pick(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def _jwt(r: random.Random) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode().rstrip("=")
    body = base64.urlsafe_b64encode(b'{"sub":"%d"}' % r.randrange(10**12)).decode().rstrip("=")
    return f"{head}.{body}.{_pick(r, URLSAFE, 86)}"


TOKENS: dict[str, Callable[[random.Random], str]] = {
    "github": lambda r: f"gh{r.choice('pousr')}_{_pick(r, ALNUM, 36)}",
    "github fine-grained": lambda r: f"github_pat_{_pick(r, ALNUM, 22)}_{_pick(r, ALNUM, 59)}",
    "gitlab": lambda r: f"glpat-{_pick(r, URLSAFE, 20)}",
    "gitlab job": lambda r: f"glcbt-64_{_pick(r, URLSAFE, 20)}",
    "aws key id": lambda r: f"{r.choice(['AKIA', 'ASIA'])}{_pick(r, UPPER, 16)}",
    "gcp": lambda r: f"AIza{_pick(r, URLSAFE, 35)}",
    "gcp oauth": lambda r: f"ya29.{_pick(r, URLSAFE, 120)}",
    "slack": lambda r: f"xoxb-{r.randrange(10**11)}-{r.randrange(10**12)}-{_pick(r, ALNUM, 24)}",
    "slack hook": lambda r: (
        f"https://hooks.slack.com/services/T{_pick(r, UPPER, 8)}/B{_pick(r, UPPER, 10)}"
        f"/{_pick(r, ALNUM, 24)}"
    ),
    "stripe": lambda r: f"sk_live_{_pick(r, ALNUM, 24)}",
    "npm": lambda r: f"npm_{_pick(r, ALNUM, 36)}",
    "pypi": lambda r: f"pypi-AgEI{_pick(r, URLSAFE, 160)}",
    "sendgrid": lambda r: f"SG.{_pick(r, URLSAFE, 22)}.{_pick(r, URLSAFE, 43)}",
    "docker": lambda r: f"dckr_pat_{_pick(r, URLSAFE, 27)}",
    "vault": lambda r: f"hvs.{_pick(r, URLSAFE, 90)}",
    "openai": lambda r: f"sk-proj-{_pick(r, URLSAFE, 48)}",
    "hugging face": lambda r: f"hf_{_pick(r, ALNUM, 34)}",
    "digitalocean": lambda r: f"dop_v1_{_pick(r, HEX, 64)}",
    "jwt": _jwt,
    "atlassian": lambda r: f"ATBB{_pick(r, ALNUM, 32)}",
    "heroku": lambda r: f"HRKU-AA{_pick(r, URLSAFE, 58)}",
    "fly": lambda r: f"fo1_{_pick(r, URLSAFE, 43)}",
    "netlify": lambda r: f"nfp_{_pick(r, ALNUM, 36)}",
    "tailscale": lambda r: f"tskey-auth-{_pick(r, ALNUM, 17)}-{_pick(r, ALNUM, 32)}",
    "artifactory": lambda r: f"AKCp{_pick(r, ALNUM, 69)}",
    "doppler": lambda r: f"dp.st.prd.{_pick(r, ALNUM, 43)}",
    "notion": lambda r: f"ntn_{_pick(r, ALNUM, 46)}",
    "airtable": lambda r: f"pat{_pick(r, ALNUM, 14)}.{_pick(r, HEX, 64)}",
    "square": lambda r: f"sq0atp-{_pick(r, URLSAFE, 22)}",
    "mailchimp": lambda r: f"{_pick(r, HEX, 32)}-us{r.randrange(1, 20)}",
    "brevo": lambda r: f"xkeysib-{_pick(r, HEX, 64)}-{_pick(r, ALNUM, 16)}",
    "launchdarkly": lambda r: "sdk-" + "-".join(_pick(r, HEX, n) for n in (8, 4, 4, 4, 12)),
    "1password": lambda r: f"ops_eyJ{_pick(r, ALNUM, 200)}",
    "azure storage": lambda r: f"{_pick(r, BASE64, 76)}+ASt{_pick(r, ALNUM, 6)}==",
    "groq": lambda r: f"gsk_{_pick(r, ALNUM, 52)}",
    "azure client": lambda r: f"{_pick(r, ALNUM, 3)}8Q~{_pick(r, ALNUM + '_~.-', 34)}",
}
BARE = ("{}", "using token {} for upload", "error: bad credentials: '{}'", '  "value": "{}",')
PAIRS = (
    "export {n}={v}",
    "{n}={v}",
    '{n}="{v}"',
    "  {n}: {v}",
    "+ {n}='{v}' make deploy",
    'declare -x {n}="{v}"',
    '{{"{n}": "{v}", "user": "ci"}}',
    "- name: {n} value={n}={v}",
    "ENV {n} = {v}",
    "set {n}={v}",
    "docker run -e {n}={v} image",
)
NAMES = (
    ("DB_PASSWORD", HARD, 16),
    ("MYSQL_ROOT_PASSWORD", ALNUM, 12),
    ("password", HARD, 14),
    ("passwd", ALNUM, 10),
    ("AWS_SECRET_ACCESS_KEY", BASE64, 40),
    ("AWS_SESSION_TOKEN", BASE64, 200),
    ("AZURE_CLIENT_SECRET", URLSAFE, 40),
    ("AccountKey", BASE64, 86),
    ("SLACK_SIGNING_SECRET", HEX, 32),
    ("SONAR_TOKEN", HEX, 40),
    ("DEPLOY_TOKEN", URLSAFE, 20),
    ("API_KEY", ALNUM, 32),
    ("api_key", HEX, 32),
    ("CODECOV_TOKEN", HEX, 36),
    ("JWT_SECRET", HARD, 24),
    ("client_secret", URLSAFE, 32),
    ("ENCRYPTION_KEY", BASE64, 44),
    ("SIGNING_KEY", HEX, 64),
    ("_authToken", ALNUM, 40),
    ("spring.datasource.password", ALNUM, 12),
    ("NUGET_API_KEY", ALNUM, 46),
    ("GPG_PASSPHRASE", HARD, 20),
    ("TWINE_PASSWORD", ALNUM, 18),
    ("HEROKU_API_KEY", HEX, 36),
)
PLACES = (
    "git clone https://ci-user:{}@git.example.com/team/app.git",
    "fatal: unable to access 'https://oauth2:{}@gitlab.example.com/a/b.git/': 403",
    "psql postgres://app:{}@db.internal:5432/app",
    "redis://:{}@cache:6379/0",
    "> Authorization: Bearer {}",
    "authorization: token {}",
    'curl -H "Authorization: Basic {}" https://api.example.com',
    "curl -u deploy:{} https://files.example.com/upload",
    "PRIVATE-TOKEN: {}",
    "X-Api-Key: {}",
    "docker login -u ci -p {} registry.example.com",
    "mysql -h db -u root -p{} app",
    "./deploy --token {} --env prod",
    "helm upgrade --set db.password={} app",
    "tool --api-key={}",
    "tool --password {}",
    "GET https://store.example.com/blob?sv=2024&sig={}",
    "sshpass -p {} ssh ci@host",
    "<password>{}</password>",
    '<add key="ClearTextPassword" value="{}" />',
    "aws configure set aws_secret_access_key {}",
    "openssl enc -aes256 -passin pass:{} -in x",
    "::add-mask::{}",
    "##vso[task.setvariable variable=tok;issecret=true]{}",
    "7z x -p{} archive.7z",
    "PAT: {}",
)


def leaks(seed: int, count: int) -> Iterator[Leak]:
    """Give `count` leaks, the ways taken in turn so that each is met."""
    rng = random.Random(seed)
    ways = (_token, _pair, _place, _token, _pair, _repeated, _key, _ansi, _wrapped, _encoded)
    for index in range(count):
        yield ways[index % len(ways)](rng)


def _token(r: random.Random) -> Leak:
    kind = r.choice(list(TOKENS))
    value = TOKENS[kind](r)
    return Leak(f"token: {kind}", (r.choice(BARE).format(value).encode(),), (value,))


def _named(r: random.Random) -> tuple[str, str]:
    name, alphabet, size = r.choice(NAMES)
    return name, r.choice(ALNUM) + _pick(r, alphabet, size - 1)


def _pair(r: random.Random) -> Leak:
    name, value = _named(r)
    line = r.choice(PAIRS).format(n=name, v=value)
    return Leak(f"pair: {name}", (line.encode(),), (value,))


def _place(r: random.Random) -> Leak:
    place = r.choice(PLACES)
    value = _pick(r, ALNUM, r.choice((16, 20, 32)))
    return Leak(f"place: {place}", (place.format(value).encode(),), (value,))


def _repeated(r: random.Random) -> Leak:
    """The environment prints it; later it shows up without its name, once in base64."""
    name, value = _named(r)
    lines = [f"login failed for ci with {value} (attempt 2)"]
    encoded = base64.b64encode(f"ci:{value}".encode()).decode()
    lines.append(f"sent header payload {encoded}")
    line = r.choice(PAIRS).format(n=name, v=value).encode()
    shown = tuple(text.encode() for text in lines)
    return Leak(f"repeated: {name}", shown, (value, encoded), (line,))


def _key(r: random.Random) -> Leak:
    kind = r.choice(("RSA ", "EC ", "OPENSSH ", ""))
    body = [_pick(r, BASE64, 64) for _ in range(r.randrange(3, 26))] + [_pick(r, BASE64, 22) + "=="]
    lines = [f"-----BEGIN {kind}PRIVATE KEY-----", *body, f"-----END {kind}PRIVATE KEY-----"]
    if r.random() < 0.3:
        lines = ["{" + '"private_key": "' + "\\n".join(lines) + '\\n"}']
    return Leak(f"key: {kind}", tuple(line.encode() for line in lines), tuple(body))


def _ansi(r: random.Random) -> Leak:
    kind = r.choice(list(TOKENS))
    value = TOKENS[kind](r)
    at = r.randrange(1, len(value) - 1)
    split = f"{value[:at]}\x1b[0m\x1b[1;31m{value[at:]}"
    return Leak(f"ansi: {kind}", (b"\x1b[31m" + split.encode() + b"\x1b[0m",), (value,))


def _wrapped(r: random.Random) -> Leak:
    kind = r.choice([kind for kind in TOKENS if kind != "slack hook"])
    value = TOKENS[kind](r)
    at = r.randrange(8, len(value) - 7)
    lines = (f"push with {value[:at]}".encode(), f"{value[at:]} failed".encode())
    return Leak(f"wrapped: {kind}", lines, (value[:at], value[at:]))


def _encoded(r: random.Random) -> Leak:
    kind = r.choice(list(TOKENS))
    value = TOKENS[kind](r)
    encoded = base64.b64encode(f"x-access-token:{value}".encode()).decode()
    return Leak(f"base64: {kind}", (f"extraheader {encoded} set".encode(),), (encoded[24:-4],))
