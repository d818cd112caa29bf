"""Knows what secrets look like: the tokens providers hand out, and values beside telling names."""

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Final

# Tokens that give themselves away, by provider; the shapes are from the providers' own pages.
_TOKENS: Final = (
    r"gh[pousr]_[A-Za-z0-9_.-]{30,800}|github_pat_[A-Za-z0-9_]{20,255}",
    (
        r"gl(?:pat|ptt|dt|rt|rtr|cbt|agent|soat|imt|ft|ffct|oas|wt)-[A-Za-z0-9_=.-]{18,300}"
        r"|GR1348941[A-Za-z0-9_-]{20}"
    ),
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    (
        r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_.-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}"
        r"|1//0[A-Za-z0-9_-]{40,}"
    ),  # Google
    r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}|[A-Za-z0-9]{70,84}AZDO[A-Za-z0-9]{4}",
    (
        r"xox[abcdeoprs]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{20,}|xoxe\.xox[bp]-[A-Za-z0-9-]{20,}"
        r"|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}"
    ),
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}",  # Stripe
    (
        r"npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}|rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}"
        r"|oy2[a-z0-9]{43}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"
    ),
    r"sk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}",
    r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|(?:SK|AC)[0-9a-f]{32}|key-[0-9a-f]{32}",
    (
        r"do[opr]_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|hv[sbr]\.[A-Za-z0-9_-]{24,}"
        r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}|dapi[a-f0-9]{32}|dp\.pt\.[A-Za-z0-9]{40,}"
    ),
    r"ATATT3[A-Za-z0-9_=-]{60,}|ATCTT3[A-Za-z0-9_=-]{60,}|AGE-SECRET-KEY-1[A-Z0-9]{58}",
    (
        r"sntry[su]_[A-Za-z0-9+/=_-]{40,}|gls[a]_[A-Za-z0-9]{32}_[a-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,}"
        r"|NRAK-[A-Z0-9]{27}|pul-[a-f0-9]{40}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|bkua_[a-f0-9]{40}"
        r"|CCIPAT_[A-Za-z0-9]+_[a-f0-9]{40}|sq[pua]_[a-f0-9]{40}|lin_api_[A-Za-z0-9]{32,}"
        r"|figd_[A-Za-z0-9_-]{40}|sbp_[a-f0-9]{40}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}"
    ),
    (
        r"(?:bot)?[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}|[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"
        r"|discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{40,}"
    ),
    (
        r"ops_eyJ[A-Za-z0-9_+/=-]{20,}|A3-[A-Z0-9]{6}-[A-Z0-9]{6,11}(?:-[A-Z0-9]{5}){3,4}"
        r"|AKCp[A-Za-z0-9]{20,}|cmVmdGtu[A-Za-z0-9]{20,}|ATBB[A-Za-z0-9]{20,}|HRKU-[A-Za-z0-9_-]{20,}"
        r"|fo1_[A-Za-z0-9_-]{20,}|fm[12][ar]?_[A-Za-z0-9+/=_-]{20,}|nfp_[A-Za-z0-9]{20,}"
        r"|tskey-[a-z]+-[A-Za-z0-9-]{20,}|v1\.0-[a-f0-9]{20,}-[a-f0-9]{20,}"
        r"|dp\.(?:st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{20,}"
        r"|CLOJARS_[a-z0-9]{20,}|packagist_[a-z]{2,4}_[a-f0-9]{20,}|GOOG1[A-Z0-9]{20,}"
        r"|(?:LTAI|AKID)[A-Za-z0-9]{16,40}|[A-Za-z0-9+/_-]{20,}A(?:zFu|CDb|Cse|St|CRr|IoT)[A-Za-z0-9+/]{4,10}=="
    ),  # vaults, registries and clouds
    (
        r"r8_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}"
        r"|hcai[km]_[a-z0-9]{20,}|NR(?:II|JS|AL|SP|RA)-[A-Za-z0-9_-]{18,}|lin_oauth_[a-f0-9]{20,}"
        r"|(?:sdk|mob|api)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}|pnu_[A-Za-z0-9]{20,}"
        r"|ntn_[A-Za-z0-9]{20,}|secret_[A-Za-z0-9]{20,}|pat[A-Za-z0-9]{14}\.[a-f0-9]{20,}"
        r"|sl\.(?:u\.)?[A-Za-z0-9_-]{20,}|rdme_[a-z0-9]{20,}|aio_[A-Za-z0-9]{20,}"
        r"|tfp_[A-Za-z0-9_.-]{20,}|1/[0-9]{12,}(?:/[0-9]{12,})?:[a-f0-9]{20,}|ico-[A-Za-z0-9]{20,}"
        r"|CFPAT-[A-Za-z0-9_-]{20,}|xkeysib-[a-f0-9]{20,}-[A-Za-z0-9]{16}|figo_[A-Za-z0-9_-]{20,}"
    ),  # services with a prefix of their own
    (
        r"sq0[a-z]{3}-[A-Za-z0-9_-]{20,}|access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{20,}"
        r"|[rs]k_org_(?:live|test)_[A-Za-z0-9]{10,}|EZ[AT]K[A-Za-z0-9]{20,}|[a-f0-9]{20,}-us[0-9]{1,2}"
        r"|access-(?:production|sandbox|development)-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"
        r"|EAA[A-Z][A-Za-z0-9]{20,}|AAAA[A-Za-z0-9_-]{7}:APA91b[A-Za-z0-9_-]{20,}"
        r"|A{20,22}[A-Za-z0-9]{4,}%[0-9A-F]{2}[A-Za-z0-9%]{4,}"
        r"|[a-z0-9-]+\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]{20,}"
    ),  # payment and messages
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}",  # JWT, JWE
)
# Texts within texts: what stands before a token there may look like letters of it.
_ESCAPED: Final = r"\\[nrt]|%[0-9A-Fa-f]{2}|\\(?:x1[bB]|u001[bB]|033|e)\[[0-9;]{0,20}m"
_START: Final = rf"(?:\b|{_ESCAPED})"
TOKEN: Final = _START + "(?:" + "|".join(_TOKENS) + ")"

# A value beside a name: groups are the text before the value, the name, and the value.
_WORDS: Final = (
    r"passw(?:or)?d|passphrase|passwd|storepass|keypass|pwd|secret|token|credentials?"
    r"|(?:api|access|account|private|signing|encryption|deploy|master|auth|license|service|client"
    r"|storage|shared|app|admin|ssh|webhook|session|subscription|function|write|read|ingest|upload)"
    r"[_.-]?key"
)
_ENDINGS: Final = r"[_-](?:pat|pass|auth|key|pw)"  # say something only where the name ends
TELLING_NAME: Final = re.compile(_WORDS, re.IGNORECASE)
_NAME: Final = (
    rf"([A-Za-z0-9_.-]*(?:{_WORDS})[A-Za-z0-9_.-]*|[A-Za-z0-9_.-]*{_ENDINGS}\b"
    r"|D?sonar\.login|_?auth\b|sig\b|pass\b)"
)
_VALUE: Final = r"\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|\\+\"[^\"\\\n]*|[^\s\"']\S*"
PAIR: Final = rf"(?i)(\b{_NAME}\\*[\"']?\]?[ \t]*(?::=|=>|=|:)[ \t]*(?:&[\w-]+[ \t]+)?)({_VALUE})"
FLAG: Final = rf"(?i)((?:^|\s)--?{_NAME}[ \t]+)({_VALUE})"
LISTED: Final = (
    rf"(?i)(\b(?:name|key)\\*[\"']?[ \t]*[:=][ \t]*\\*[\"']?{_NAME}\\*[\"']?[ \t]*,?\s*"
    rf"\\*[\"']?value\\*[\"']?[ \t]*[:=][ \t]*)({_VALUE})"
)
"""Name and value as entries of a list of variables have them, in JSON or on two lines of YAML."""
BLOCK: Final = rf"(?i)(\b{_NAME}[\"']?:[ \t]*[|>][+-]?[ \t]*\n[ \t]*)([^\s\"']\S*)"
"""A value that YAML has on a line of its own."""

# Places whose value is a secret whatever it looks like; groups: text before, value.
PLACES: Final = (
    (
        r"(?i)((?:\b|\\[nrt])(?:proxy-)?authorization\\?[\"']?[ \t]*[:=][ \t]*\\?[\"']?"
        r"(?:(?:bearer|basic|token|digest|apikey|negotiate|ntlm|ssws|splunk|bot)[ \t]+)?)"
        r"([^\s\"'*\\]{6,})"
    ),
    r"(?i)(\b(?:bearer|basic)[ \t]+)([A-Za-z0-9._~+/=-]{16,})",
    (
        r"(?i)(\b(?:(?:private|job|deploy)-token|x-[a-z-]*(?:key|token|auth|secret)[a-z-]*)"
        r"[\"']?:[ \t]*[\"']?)([^\s\"';]{6,})"
    ),
    r"(\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>]*:)([^\s/\"'<>]+)@",
    (
        r"(\b(?:postgres(?:ql)?|mysql|mariadb|mssql|mongodb(?:\+srv)?|amqps?|rediss?)://[^\s/:@\"'<>]*:)"
        r"([^\s\"'<>@]+)@"
    ),  # whose passwords often hold an unescaped slash
    r"(\bjdbc:oracle:\w+:[\w.$-]+/)([^\s\"'@]{4,})@",
    r"(\b[A-Za-z][A-Za-z0-9+.-]*://)([A-Za-z0-9_-]{20,})@",
    (
        r"(?i)([?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|code)=)"
        r"([^&\s\"']{16,})"
    ),
    r"(?i)(\bsignature=)([0-9a-f]{64})\b",
    (
        r"(?i)(\b(?:docker|podman|buildah|helm|skopeo|oras|nerdctl|az|oc)\b[^\n]*\blogin\b[^\n]*\s"
        r"(?:-p|--password)[ =]?)([^\s\"'-]\S{3,}|\"[^\"\n]+\"|'[^'\n]+')"
    ),
    r"(\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n]*\s-p)([^\s-]\S{3,})",
    r"(?i)(\b(?:set-)?cookie:[ \t]*)([^=;\s]+=[^\n]{4,})",
    r"(?i)(:_(?:authToken|password|auth)[ \t]+)(\S{8,})",
    (
        r"(\b(?:echo|printf)[ \t]+(?:-n[ \t]+|[\"']?%s(?:\\n)?[\"']?[ \t]+)?[\"']?)"
        r"([^\s\"'$]{6,})[\"']?[ \t]*\|[^\n]*(?:--password-stdin|--with-token|\bsudo[ \t]+-S)\b"
    ),
    r"(--(?:password-stdin|with-token)\b[^\n]*<<<[ \t]*[\"']?)([^\s\"'$]{6,})",
    (
        r"(\b(?:twine|mongo|mongosh|mongodump|altool|nuget add source)\b[^\n]*\s"
        r"(?:-p|--password)[ =])([^\s\"'-]\S{3,})"
    ),
    r"(\b(?:redis-cli\b[^\n]*\s-a|sqlcmd\b[^\n]*\s-P|unzip\b[^\n]*\s-P)[ \t]+)([^\s\"'-]\S{3,})",
    r"(\bhttp-basic\.\S+[ \t]+\S+[ \t]+)(\S{4,})",
    r"(\bbundle config\b[^\n]*\s[^\s:/]+:)([^\s/]{6,})",
    r"(\bBUNDLE_[A-Z0-9_]+(?:=|: )\"?[^\s:/\"]+:)([^\s/\"]{6,})",
    r"(\b(?:snyk auth|codecov\b[^\n]*\s-t)[ \t]+)([0-9a-f-]{36})\b",
    r"(\bmc[ \t]+(?:alias set|config host add)[ \t]+\S+[ \t]+\S+[ \t]+\S+[ \t]+)(\S{8,})",
    r"(?i)(\bnuget\b[^\n]*\s(?:-k|-apikey)[ =])([^\s\"'-]\S{7,})",
    r"(\blftp\b[^\n]*\s-u[ \t]+[^\s,]+,)(\S{4,})",
    r"(\bopenssl[ \t]+enc\b[^\n]*\s-[kK][ \t]+)(\S{4,})",
    r"(?i)(\bsigntool\b[^\n]*\s/p[ \t]+)(\S{4,})",
    r"(\btemporary password is generated for \S+: )(\S{6,})",
    r"(\bUnseal Key \d+: )(\S{20,})",
    r"(\bsshpass[ \t]+-p[ \t]*)(\S{4,})",
    r"(\b(?:curl|wget|http|https)\b[^\n]*\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:)([^\s\"']{4,})",
    r"(\bcurl\b[^\n]*\s-[a-zA-Z]{1,8}u[ =]?[\"']?[^\s:/\"']+:)([^\s/\"'][^\s\"']{3,})",
    r"(?i)(<[\w.:-]*(?:password|passwd|passphrase|secret|token|api-?key)>)([^<\s][^<\n]{3,})</",
    r"(?i)(\bkey=\"[^\"\n]*(?:password|token|secret|apikey)[^\"\n]*\" value=\")([^\"\n]{4,})",
    r"(\baws configure set [\w.-]*(?:secret|token)\w*[ \t]+)(\S{8,})",
    r"(\s-pass(?:in|out)?[ \t]+pass:)(\S{4,})",
    r"(--oauth2-bearer[ =])(\S{8,})",
    r"(::add-mask::)(\S[^\n]{3,})",
    r"(?i)(##vso\[task\.setvariable [^\]\n]*issecret=true[^\]\n]*\])(\S[^\n]{3,})",
    r"(?i)(::(?:set-output|save-state) name=[\w-]*(?:token|secret|password|key)[\w-]*::)(\S{6,})",
    r"(\b7za?\b[^\n]*[ \t]-p)(\S{4,})",
    r"(\bzip\b[^\n]*[ \t](?:-P|--password)[ \t]+)(\S{4,})",
    r"(\bhtpasswd\b[^\n]*[ \t]-[a-zA-Z]*b[a-zA-Z]*(?:[ \t]+-\w+)*[ \t]+\S+[ \t]+\S+[ \t]+)(\S{4,})",
    r"(?i)(\bmachine[ \t]+\S+[ \t]+login[ \t]+\S+[ \t]+password[ \t]+)(\S{4,})",
)

# Values that are secrets where they also mix capitals, small letters and digits.
GUESSES: Final = (
    (
        r"(?i)(\b(?:[\w.-]*[_.-])?(?:passw(?:or)?d|passphrase|passwd|secret|token(?:\.\w+)?|_auth"
        r"|(?:api|access)[_-]?key|pat)"
        r"(?:[ \t]+(?:is|was|set to|->|used)?[ \t]*|:[ \t]+)[\"'`]?)([A-Za-z0-9_+/=.-]{12,})"
    ),
    r"((?:^|[\s\"'=]))(s\.[A-Za-z0-9]{24})\b",  # Vault's, before they began with hvs
    r"((?:^|\s)pass:[ \t]+[\"']?)([A-Za-z0-9_+/=.-]{12,})",
    r"((?:^|\s)KEY=|[?&]key=)([A-Za-z0-9_+/=.]{16,})",
    r"(?i)(\bsonar_?login=)([A-Za-z0-9]{16,})",
    r"(\b[A-Za-z][\w.-]*:)([^\s:@/\"']{12,})@[\w-]+\.[\w.-]+",
    (
        r"(?i)(\b(?:setx|set-item|setenv|env|arg|set[ \t]+-g?x)[ \t]+(?:env:)?"
        r"\w*(?:password|secret|token|key)\w*[ \t]+)(\S{8,})"
    ),
)

NAMED: Final = "|".join(f"(?:{kind})" for kind in (*PLACES, *GUESSES, PAIR, FLAG, LISTED, BLOCK))
"""Matches wherever one of them does. Most texts hold none: one look is cheaper than one for each.

Not with TOKEN in it: together they need more states than re2 keeps, and it would turn slow.
"""

# Written with (?-i:…) where case tells a variable from a password that begins with a dollar.
_PLACEHOLDER: Final = re.compile(
    r"[*x.•#-]{3,}"
    r"|\[?(?:secure|masked|redacted|hidden|filtered|removed|omitted)\]?(?:\W|$)"
    r"|\\?\$(?:[\{(]|(?-i:[A-Z_][A-Z0-9_]*\b|[a-z_]+$))|%\w+%|<[^>]*>?$|\{\{|[({]\W*$|@\w+@?$"
    r"|(?:none|null|nil|undefined|true|false|yes|no|on|off|unset|empty|required|optional|string|str"
    r"|int|changeme|example|dummy|placeholder|your)(?:\W|_|$)"
    r"|(?:process|os|env|secrets|var|vars|self|this|config|settings|data|local|module|params|request"
    r"|options)[.\[]",
    re.IGNORECASE,
)
# Names that hold such a word and yet name something public.
_PUBLIC_NAME: Final = re.compile(
    r"public|cache|primary|foreign|keyid|fingerprint|lookahead|tokeniz|monkey|hockey|keyboard"
    r"|(?:id|ids|name|names|file|files|path|dir|url|uri|type|types|count|length|len|size|version"
    r"|expir\w*|ttl|hash|sha\d*|digest|algorithm|policy|field|label|regex|pattern|prompt|hint|usage"
    r"|limit|used|index|position|list|class|method|error|exception"
    r"|\.(?:rb|py|js|go|java|ts|c|h|cpp|php|cs|rs))$",
    re.IGNORECASE,
)
_PATH: Final = re.compile(r"(?:[A-Za-z]:)?[.~]{0,2}[/\\][\w.@+-]+(?:[/\\][\w.@+-]*)*[:,]?$")
_WORDY: Final = re.compile(r"[A-Za-z]+(?:[-_.:/' ][A-Za-z]+)*[,.;:!?)]*$")
_CAMEL: Final = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+)*$")
_VERSION: Final = re.compile(r"v?\d+\.\d+[\w.+~-]*$|[\w.-]+:(?:jar|pom|aar|war)\b")
_CALL: Final = re.compile(r"\w+(?:[.:]\w+)*[(\[<{]|.*(?:\(\)|=>|->|\$\{|\$\()")


def bare(value: str) -> str:
    """Give a captured value without its quotes and the punctuation after it."""
    if value[:1] == "\\" and value.lstrip("\\")[:1] == '"':
        return value.lstrip("\\")[1:]
    if value[:1] in ('"', "'"):
        return value[1:].removesuffix(value[0])
    return value.rstrip(",;)}]\"'\\")


def is_placeholder(value: str) -> bool:
    """True for what stands where a secret was or will be: stars, a variable, a word for it."""
    return bool(_PLACEHOLDER.match(value))


def entropy(value: str) -> float:
    """Give Shannon's entropy in bits a character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def mixed(value: str) -> bool:
    """True for capitals, small letters and digits in no word's order."""
    return (
        any(map(str.islower, value))
        and any(map(str.isupper, value))
        and sum(map(str.isdigit, value)) > 1
        and not is_placeholder(value)
        and random_looking(value, 12)
        and sum(_kind(a) != _kind(b) for a, b in pairwise(value)) > 0.38 * len(value)
    )


def _kind(char: str) -> int:
    return 2 * char.isupper() + char.isdigit()


def random_looking(value: str, least: int = 8) -> bool:
    """True for characters mixed as no word, path, address or number mixes them."""
    if len(value) < least or "://" in value or _PATH.match(value):
        return False
    kinds = [any(c.islower() for c in value), any(c.isupper() for c in value)]
    letters, digits = any(kinds), any(c.isdigit() for c in value)
    if not letters or not (digits or all(kinds)):
        return False
    if _WORDY.match(value) and not _shuffled_case(value):
        return False
    return entropy(value) >= (2.5 if len(value) < 16 else 3.0)


def _shuffled_case(value: str) -> bool:
    """Letters alone look random when their case changes often and not as in camelCase."""
    if len(value) < 8 or _CAMEL.match(value):
        return False
    return 3 * sum(a.isupper() != b.isupper() for a, b in pairwise(value)) >= len(value)


def is_secret(name: str, value: str, *, attached: bool) -> bool:
    """Judge a value beside a telling name; `attached` says that no space parts the two.

    A password may be a plain word, but only right behind `password=`; a token or key must look
    random, because prose and compilers speak of tokens and keys all day.
    """
    if len(value) < 6 or is_placeholder(value) or _PUBLIC_NAME.search(name) or "://" in value:
        return False
    if _CALL.match(value) or _PATH.match(value) or _VERSION.match(value):
        return False
    if name.lower() == "pass":  # what test runners print before a name
        return attached and random_looking(value)
    if re.search(r"(?i)pass|pwd|pw$", name):
        plain = bool(_WORDY.match(value))
        return attached if plain else any(c.isdigit() for c in value) or entropy(value) > 2.5
    if re.search(r"(?i)secret", name) and attached and len(value) >= 8:
        return not _WORDY.match(value) or _shuffled_case(value)
    return random_looking(value)
