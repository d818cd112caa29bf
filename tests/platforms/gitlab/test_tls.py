"""A self-managed GitLab behind its own CA is reached once the environment names that CA."""

import ipaddress
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard.errors import PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient

# What Python 3.13 and later want to see in a CA's certificate.
KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that only itself vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a private CA")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(scope="module")
def private(pem: Path) -> Iterator[FakeGitLab]:
    with FakeGitLab(pem=str(pem)) as running:
        yield running


@pytest.fixture(params=["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", None])
async def stranger(
    request: pytest.FixtureRequest,
    private: FakeGitLab,
    pem: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[GitLabClient, bool]]:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if request.param:
        monkeypatch.setenv(request.param, str(pem))
    client = GitLabClient(private.url, private.token, timeout=5)
    yield client, request.param is not None
    await client.aclose()


async def test_the_ca_of_the_environment_is_believed_and_no_other(
    private: FakeGitLab, stranger: tuple[GitLabClient, bool]
) -> None:
    client, trusted = stranger
    project = private.add_project("group/app")
    job = private.add_job(private.add_pipeline(project), "unit", trace=b"a log\n")
    log = client.stream(f"/projects/{project.id}/jobs/{job.id}/trace")
    if trusted:
        assert (await client.get("/user"))["username"] == private.bot
        assert await anext(log) == b"a log\n"
    else:
        for call in (client.get("/user"), anext(log)):
            with pytest.raises(PlatformUnavailable, match="certificate"):
                await call
    await log.aclose()
