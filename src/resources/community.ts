import { z } from "zod";
import { Complaint, show } from "./complaint.ts";
import { convert } from "./schema.ts";

const hint = "write two numbers up to 65535, such as 64512:100, or three up to 4294967295, such as 64512:1:2";

/** A BGP community, standard `a:b` or large `a:b:c`, in plain decimal numbers; undefined when it is none. */
export function readCommunity(text: string): string | undefined {
  if (!/^[0-9]+(:[0-9]+){1,2}$/.test(text)) return undefined;
  const parts = text.split(":").map(Number);
  const max = parts.length === 2 ? 0xffff : 0xffffffff;
  return parts.every((part) => part <= max) ? parts.join(":") : undefined;
}

export const community = convert(z.string(), (text): string | Complaint => {
  return readCommunity(text) ?? new Complaint(`${show(text)} is no BGP community`, hint);
});
