// Who may do what: identities and their roles, join tokens, certificates as bytes, and when a certificate is renewed.
// Must not sign, read a key, look at a clock or speak TLS: what a rule needs is a parameter.
// Start at authorize-request.ts, then authorize-change.ts, which judges a write by what it changes.
export { authorizeChange } from "./authorize-change.ts";
export { type Decision, type Verb, authorizeRequest } from "./authorize-request.ts";
export { type SecretRead, authorizeSecretRead } from "./authorize-secret-read.ts";
export {
  type CertificateContent,
  type CertificateUse,
  type DistinguishedName,
  assembleCertificate,
  certificateToSign,
} from "./certificate.ts";
export type { Change, Facts } from "./change.ts";
export { type Identity, type Role, formatIdentity, identityOf, isNodeRole, roles, subjectOf } from "./identity.ts";
export { type JoinToken, formatJoinToken, parseJoinToken } from "./join-token.ts";
export { type Validity, renewalTimeMs } from "./renewal.ts";
