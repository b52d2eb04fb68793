"""Certificates of an authority that only the tests know."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key; an authority's signs others."""

    certificate: bytes
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    def issued(self, host: str) -> "Issued":
        """Issue one for a host's name, or a client's."""
        return _signed(host, self)

    def files(self, folder: Path, password: bytes | None = None) -> tuple[Path, Path]:
        """Write certificate and key; return where they are."""
        encryption: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        return written(folder / "certificate.pem", self.certificate), written(folder / "key.pem", key)


def authority() -> Issued:
    """Return a new authority."""
    return _signed("The tests' authority", None)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _signed(name: str, by: Issued | None) -> Issued:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer = key if by is None else by.key
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if by is None else by.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(_usage(is_authority=by is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name.replace(" ", "-"))]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return Issued(certificate.public_bytes(Encoding.PEM), subject, key)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    """Return what Python from 3.13 on wants to read in an authority's certificate (RFC 5280, section 4.2.1.3)."""
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    unused = dict.fromkeys((*others, "decipher_only"), False)
    return x509.KeyUsage(digital_signature=True, key_cert_sign=is_authority, crl_sign=is_authority, **unused)
