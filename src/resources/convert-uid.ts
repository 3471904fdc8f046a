/**
 * The uid of what is made of an object with this uid: other than that one's, and always the same. The bits of every octet are
 * reversed, but of the two that hold a UUID's version and variant. Undefined when the text is no UUID.
 */
export function convertUid(text: string): string | undefined {
  const [, plain, dashed] =
    /^(?:urn:uuid:)?\{?(?:([0-9a-f]{32})|([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}))\}?$/i.exec(
      text,
    ) ?? [];
  const digits = (plain ?? dashed ?? "").replaceAll("-", "");
  if (digits === "") return undefined;
  const octets = Uint8Array.fromHex(digits).map((octet, at) => (at === 6 || at === 8 ? octet : reverseBits(octet)));
  return octets.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function reverseBits(octet: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if ((octet & (1 << bit)) !== 0) reversed |= 0x80 >> bit;
  return reversed;
}
