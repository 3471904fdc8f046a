/** Forms of names. Each predicate is total over texts; lengths are in characters, which are all ASCII where the form holds. */

const segment = "[a-z0-9]([a-z0-9-]*[a-z0-9])?";
const segmentPattern = new RegExp(`^${segment}$`);
const subdomainPattern = new RegExp(`^${segment}(\\.${segment})*$`);
const policyNamePattern = new RegExp(`^${segment}(\\.${segment})?$`);
const legacyPolicyNamePattern = new RegExp(`^(knp|ossg)\\.default\\.${segment}(\\.${segment})*$`);
const qualifiedPartPattern = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;

const maxNameLength = 253;
const maxSegmentLength = 63;

/** Lower-case letters, digits and `-`, beginning and ending with a letter or digit; at most 63. */
export function isSegment(text: string): boolean {
  return text.length <= maxSegmentLength && segmentPattern.test(text);
}

/** Segments joined by dots, at most 253: the name of an object unless its kind is stricter. */
export function isObjectName(text: string): boolean {
  return text.length <= maxNameLength && subdomainPattern.test(text);
}

/** One or two segments: what a GlobalNetworkPolicy may be called. */
export function isGlobalPolicyName(text: string): boolean {
  return text.length <= maxNameLength && policyNamePattern.test(text);
}

/** As `isGlobalPolicyName`, or a name that old versions gave to converted Kubernetes and OpenStack policies. */
export function isPolicyName(text: string): boolean {
  return isGlobalPolicyName(text) || (text.length <= maxNameLength && legacyPolicyNamePattern.test(text));
}

/** The kernel takes 15 characters and neither `.` nor `..`. */
export function isInterfaceName(text: string): boolean {
  return text === "*" || (/^[A-Za-z0-9_.-]{1,15}$/.test(text) && text !== "." && text !== "..");
}

/** Names of interfaces, `*` standing for any characters. */
export function isInterfacePattern(text: string): boolean {
  return /^[A-Za-z0-9_.*-]{1,15}$/.test(text);
}

/** Of Felix's settings about interfaces, where `+` at the end stands for any characters. */
export function isInterfaceFilter(text: string): boolean {
  return /^[A-Za-z0-9:._+-]{1,15}$/.test(text);
}

export function isSecretKey(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,253}$/.test(text);
}

/** Name of a port of an endpoint: Kubernetes' rule for port names. */
export function isEndpointPortName(text: string): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) && text.length <= 15 && /[a-z]/.test(text);
}

export function isContainerId(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/.test(text);
}

/** Kubernetes' qualified name: a name of at most 63, with or without a domain and a slash before it. */
export function isQualifiedName(text: string): boolean {
  const slash = text.indexOf("/");
  const name = text.slice(slash + 1);
  if (slash !== -1 && !isObjectName(text.slice(0, slash))) return false;
  return name.length <= maxSegmentLength && qualifiedPartPattern.test(name);
}

export function isLabelValue(text: string): boolean {
  return text === "" || (text.length <= maxSegmentLength && qualifiedPartPattern.test(text));
}

/** Lower-case `xx:xx:xx:xx:xx:xx`, read with colons, dashes or as three groups of four; undefined when it is no MAC address. */
export function readMac(text: string): string | undefined {
  const isMac =
    /^([0-9a-f]{2})([:-])[0-9a-f]{2}(\2[0-9a-f]{2}){4}$/i.test(text) || /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i.test(text);
  if (!isMac) return undefined;
  return text
    .toLowerCase()
    .replaceAll(/[^0-9a-f]/g, "")
    .replaceAll(/(..)(?!$)/g, "$1:");
}
