/** Longest comment and log prefix: the kernel's buffer of a prefix is 128 octets with its NUL, and nft's of a comment too. */
const maxOctets = 127;

/** At most 127 octets of UTF-8, no character cut in two, and nothing that nft prints but cannot read back. */
export function printableText(text: string): string {
  const clean = text.replaceAll('"', "'").replaceAll(/\p{Cc}/gu, " ");
  const { read } = new TextEncoder().encodeInto(clean, new Uint8Array(maxOctets));
  return clean.slice(0, read);
}
