import { z } from "zod";
import { cidrVersion } from "../lib/index.ts";
import { Complaint, show } from "./complaint.ts";
import { duration, readDuration } from "./duration.ts";
import { isInterfaceFilter } from "./formats.ts";
import { cidr } from "./network-fields.ts";
import { rulePort } from "./port.ts";
import { integer, isBlank, list, object, optional, refine, required, textMap, textOf } from "./schema.ts";

/** The sorts of values that settings of FelixConfiguration have. */

export const text = optional(z.string(), isBlank);
export const flag = optional(z.boolean());
export const time = optional(duration);
export const whole = optional(integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER));
export const asInteger = (min: number, max: number) => optional(integer(min, max));
export const mark = asInteger(0, 0xffffffff);

/** Letter for letter; an empty text is none of the words. */
export function exactly<const W extends readonly string[]>(...words: W) {
  return optional(z.enum(words));
}

/** As `exactly`, of settings whose empty text means that they are not set. */
export function exactlyOrBlank<const W extends readonly string[]>(...words: W) {
  return optional(z.enum(words), isBlank);
}

/** In any case of letters; kept as written. */
export function anyCase(...words: string[]) {
  const known = new Set(words.map((word) => word.toLowerCase()));
  const hint = `write ${words.join(", ")}`;
  return optional(
    textOf((value) => known.has(value.toLowerCase()), "one of the words that go here", hint),
    isBlank,
  );
}

export const severity = anyCase("Trace", "Debug", "Info", "Warning", "Error", "Fatal");
export const allowAction = anyCase("Accept", "Return");
export const denyAction = anyCase("Drop", "Reject");
export const onOff = exactly("Enabled", "Disabled");

export const cidrs = optional(list(cidr({ bare: true, hostBits: true })));

const ipv4Cidr = refine(cidr({ bare: true, hostBits: true }), (value) =>
  cidrVersion(value) === 4 ? undefined : new Complaint(`${show(value)} is no IPv4 prefix`),
);
export const ipv4Cidrs = optional(list(ipv4Cidr));

const interfaceFilterText = textOf(isInterfaceFilter, "an interface filter", "1 to 15 letters, digits and : . _ + -");
export const interfaceFilter = optional(interfaceFilterText, isBlank);
export const interfaceFilters = optional(list(interfaceFilterText));

export const interfacePrefixes = optional(
  textOf(
    (value) => /^[A-Za-z0-9_-]{1,15}(,[A-Za-z0-9_-]{1,15})*$/.test(value),
    "a list of interface prefixes",
    "separate them by commas; each has 1 to 15 letters, digits, _ and -",
  ),
  isBlank,
);

/** Go's syntax, of which only what JavaScript has too is told apart from mistakes. */
export const pattern = optional(textOf(isPattern, "a regular expression"), isBlank);

function isPattern(value: string): boolean {
  // Go has neither look-around nor references back; its flags and names of groups are written otherwise.
  if (/\(\?<?[=!]|\\[1-9]/.test(value)) return false;
  const translated = value.replace(/^\(\?[imsU]+\)/, "").replaceAll("(?P<", "(?<");
  try {
    return new RegExp(translated) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Comma list of key=value; items may be empty. */
export function assignments(isValue: (value: string) => boolean) {
  const isItem = (item: string) => {
    const [key = "", value, ...rest] = item.split("=");
    return (
      item.trim() === "" || (key.trim() !== "" && value !== undefined && rest.length === 0 && isValue(value.trim()))
    );
  };
  const form = textOf((value) => value.split(",").every(isItem), "a list of settings", "write key=value,key=value");
  return optional(form, isBlank);
}

export const rateLimit = optional(
  textOf(
    (value) => /^[1-9][0-9]{0,3}\/(second|minute|hour|day)$/.test(value),
    "a rate",
    "write a number up to 9999 and a unit, such as 10/second",
  ),
  isBlank,
);

export const logPrefix = optional(
  textOf((value) => /^[A-Za-z0-9%: /_-]*$/.test(value), "a prefix", "use letters, digits, blanks and % : / _ -"),
  isBlank,
);

export const hostName = optional(
  textOf((value) => /^[A-Za-z0-9:._+-]{1,64}$/.test(value), "a host", "1 to 64 letters, digits and : . _ + -"),
  isBlank,
);

const maxRegionLength = 63 - "openstack-region-".length;
export const region = optional(
  textOf(
    (value) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(value) && value.length <= maxRegionLength,
    "the name of a region",
    `at most ${maxRegionLength} lower-case letters, digits and dashes between them`,
  ),
  isBlank,
);

export const failsafePorts = optional(
  list(
    object({
      protocol: z.enum(["TCP", "UDP", "SCTP"]),
      port: integer(1, 65535),
      net: optional(cidr({ bare: true, hostBits: true }), isBlank),
    }),
  ),
);

export const numericPort = refine(rulePort, (port) =>
  typeof port === "number" || port.includes(":") ? undefined : new Complaint(`${show(port)} is no port number`),
);
export const portRanges = optional(list(numericPort, { max: 7 }));

const timeout = refine(duration, (value) =>
  (readDuration(value) ?? 0) < 0 ? new Complaint("must not be negative") : undefined,
);
export const timeoutOverrides = optional(
  list(
    object({
      name: required(
        textOf((value) => /^[A-Za-z0-9_ -]+$/.test(value), "a name", "use letters, digits, blanks, _ and -"),
        isBlank,
      ),
      timeout,
    }),
  ),
);

const durationOrAuto = textOf(
  (value) => value === "Auto" || readDuration(value) !== undefined,
  "a duration or Auto",
  "write one such as 90s",
);
export const conntrackTimeouts = optional(
  object(
    Object.fromEntries(
      [
        "creationGracePeriod",
        "tcpSynSent",
        "tcpEstablished",
        "tcpFinsSeen",
        "tcpResetSeen",
        "udpTimeout",
        "genericTimeout",
        "icmpTimeout",
      ].map((member) => [member, optional(durationOrAuto, isBlank)]),
    ),
  ),
);

export const logFilters = (isName: (name: string) => boolean) =>
  optional(textMap((name) => (isName(name) ? undefined : new Complaint(`${show(name)} is no interface name`))));

function tableRangeUpTo(last: number) {
  return refine(object({ min: integer(1, last), max: integer(1, last) }), ({ min, max }) =>
    min > max ? new Complaint("is less than min", "", ["max"]) : undefined,
  );
}

export const tableRange = optional(tableRangeUpTo(250));

const maxTables = 65535;
export const tableRanges = optional(
  refine(list(tableRangeUpTo(0xffffffff)), (ranges) => {
    const count = ranges.reduce((sum, { min, max }) => sum + max - min + 1, 0);
    return count > maxTables ? new Complaint(`has ${count} tables; at most ${maxTables} are allowed`) : undefined;
  }),
);
