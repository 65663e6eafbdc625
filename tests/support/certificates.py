"""Certificates that resopro pki would not make: expired, not yet valid, of
another CA, for another use; valid for seconds.  By openssl's own tool."""
import datetime
import os
import subprocess
import tempfile

CONFIG = """[ca]
default_ca = it
[it]
database = %(dir)s/index.txt
new_certs_dir = %(dir)s
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[ext]
basicConstraints = critical, CA:%(ca)s
keyUsage = critical, %(usage)s
%(extended)s
%(san)s
"""


def openssl(*args):
    subprocess.run(["openssl"] + list(args), check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)


def stamp(seconds):
    """From now, as openssl ca takes it."""
    at = datetime.datetime.utcnow() + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y%m%d%H%M%SZ")


def make(pki, name, san="", extended="clientAuth", start=-60, end=3600,
        issuer=None, ca=False):
    """NAME.pem and NAME.key in the directory `pki`; seconds from now.
    `issuer`: the CA's name in `pki` ("ca"); None: it signs itself."""
    with tempfile.TemporaryDirectory() as work:
        config = os.path.join(work, "openssl.cnf")
        open(os.path.join(work, "index.txt"), "w").close()
        with open(config, "w") as f:
            f.write(CONFIG % {"dir": work, "ca": str(ca).upper(),
                "usage": "keyCertSign, cRLSign" if ca else
                    "digitalSignature",
                "extended": "extendedKeyUsage = " + extended
                    if extended and not ca else "",
                "san": "subjectAltName = " + san if san else ""})
        key, pem = (os.path.join(pki, name + end_) for end_ in
            (".key", ".pem"))
        request = os.path.join(work, "request.pem")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
            request, "-subj", "/CN=" + name)
        who = ["-selfsign", "-keyfile", key] if issuer is None else [
            "-cert", os.path.join(pki, issuer + ".pem"),
            "-keyfile", os.path.join(pki, issuer + ".key")]
        openssl("ca", "-batch", "-notext", "-config", config, "-in", request,
            "-out", pem, "-extensions", "ext", "-startdate", stamp(start),
            "-enddate", stamp(end), *who)


def account(register, id_, name=None, **options):
    """A certificate that names the account, as register.channel() reads it."""
    options.setdefault("issuer", "ca")
    make(register.pki, "account-" + (name or id_),
        san="URI:resopro:account:" + id_, **options)
