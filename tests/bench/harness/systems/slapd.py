"""OpenLDAP's slapd with its mdb backend: an entry a record, found by an
indexed uid, the record's bytes as one attribute.  Written by the holder of the
certificate (SASL EXTERNAL), read by anybody who has one."""
import base64
import os
import subprocess

from .. import machine
from ..place import read_records
from .system import System

CONFIGURATION = """include /etc/ldap/schema/core.schema
attributetype ( 1.3.6.1.4.1.4203.666.11.99.1 NAME 'resoproRecord'
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.4203.666.11.99.2 NAME 'resoproSite'
    STRUCTURAL MUST ( uid $ resoproRecord ) )
pidfile {dir}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
loglevel none
threads 4
TLSCACertificateFile {ca}
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
TLSVerifyClient demand
TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.3
authz-regexp "cn=agence,.*" "cn=agence,dc=bench"
database mdb
suffix "dc=bench"
directory {dir}/db
maxsize 8589934592
index objectClass eq
index uid eq
limits * size=unlimited
access to * by dn.exact="cn=agence,dc=bench" write by * read
"""
ROOT = """dn: dc=bench
objectClass: dcObject
objectClass: organization
dc: bench
o: bench

"""
ENTRY = """dn: uid=%s,dc=bench
objectClass: resoproSite
uid: %s
resoproRecord:: %s

"""


class Slapd(System):
    name = "slapd"
    title = "OpenLDAP slapd"
    packages = ("slapd", "ldap-utils", "libldap-dev")
    loader = "ldap_load"
    commands = {case: [case] for case in
        ("first", "get", "put", "handshake", "idle")}

    def __init__(self, place, records=None):
        super().__init__(place, records)
        self.slapd = "/usr/sbin/slapd"

    def programs(self):
        return super().programs() + [self.slapd, "/usr/sbin/slapadd"]

    def configure(self, directory):
        path = self.place.path("work", "slapd.conf")
        cert, key = self.place.server_pair
        with open(path, "w") as f:
            f.write(CONFIGURATION.format(dir=directory, ca=self.place.ca,
                cert=cert, key=key))
        return path

    def make(self, directory):
        os.mkdir(directory + "/db")
        argv = ["/usr/sbin/slapadd", "-q", "-f", self.configure(directory)]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        child.stdin.write(ROOT.encode())
        for id_, data in read_records(self.place.records_file(self.records)):
            child.stdin.write((ENTRY % (id_, id_,
                base64.b64encode(data).decode())).encode())
        _, err = child.communicate()
        if child.returncode != 0:
            raise machine.Failure("slapadd: " + err.decode())

    def argv(self, directory):
        # -d 0: in the foreground
        return [self.slapd, "-d", "0", "-f", self.configure(directory), "-h",
            "ldaps://127.0.0.1:%d" % self.port]
