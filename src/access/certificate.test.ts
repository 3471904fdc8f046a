import assert from "node:assert/strict";
import { X509Certificate, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { type CertificateUse, assembleCertificate, certificateToSign } from "./certificate.ts";

const issuerKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ownKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });

function make(use: CertificateUse, notAfterMs = Date.UTC(2027, 0, 1)): X509Certificate {
  const isAuthority = use.type === "authority";
  const keys = isAuthority ? issuerKeys : ownKeys;
  const issuer = { organisation: "tortie", commonName: "authority" };
  const signed = certificateToSign({
    serial: Uint8Array.of(0x80, 1, 2),
    issuer,
    subject: isAuthority ? issuer : { organisation: "tortie:node", commonName: "host-1" },
    notBeforeMs: Date.UTC(2026, 0, 1),
    notAfterMs,
    publicKey: keys.publicKey.export({ type: "spki", format: "der" }),
    issuerKey: issuerKeys.publicKey.export({ type: "spki", format: "der" }),
    use,
  });
  return new X509Certificate(assembleCertificate(signed, sign("sha256", signed, issuerKeys.privateKey)));
}

test("OpenSSL reads an authority's certificate, signed by itself", () => {
  const authority = make({ type: "authority" });
  assert.equal(authority.ca, true);
  assert.equal(authority.verify(issuerKeys.publicKey), true);
  assert.equal(authority.subject, "O=tortie\nCN=authority");
});

test("OpenSSL reads a client's certificate: issuer, subject, serial number, validity and purpose", () => {
  const authority = make({ type: "authority" });
  const client = make({ type: "client" });
  assert.equal(client.ca, false);
  assert.equal(client.checkIssued(authority), true);
  assert.equal(client.verify(issuerKeys.publicKey), true);
  assert.equal(client.subject, "O=tortie:node\nCN=host-1");
  assert.equal(client.serialNumber, "800102");
  assert.equal(client.validFromDate.getTime(), Date.UTC(2026, 0, 1));
  assert.equal(client.validToDate.getTime(), Date.UTC(2027, 0, 1));
  assert.deepEqual(client.keyUsage, ["1.3.6.1.5.5.7.3.2"]);
});

test("a server's certificate has its names and addresses of both IP versions", () => {
  const server = make({ type: "server", names: ["api.example.org", "192.0.2.7", "2001:db8::7"] });
  assert.equal(server.subjectAltName, "DNS:api.example.org, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7");
  assert.equal(server.checkHost("api.example.org"), "api.example.org");
  assert.equal(server.checkIP("2001:db8::7"), "2001:db8::7");
  assert.equal(server.checkHost("other.example.org"), undefined);
});

test("a time beyond 2049 is written in four digits", () => {
  assert.equal(make({ type: "client" }, Date.UTC(2060, 5, 1)).validToDate.getTime(), Date.UTC(2060, 5, 1));
});
