import fc from "fast-check";
import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  addressBits,
  addressFromBytes,
  addressVersion,
  makeCidr,
} from "../../lib/index.ts";
import type { Link, LinkAddress, Neighbour, NextHop, Route, RouteHop } from "../index.ts";

const index = fc.integer({ min: 1, max: 0x7fffffff });
const octet = fc.integer({ min: 0, max: 255 });
const version = fc.constantFrom<IpVersion>(4, 6);
/** fast-check's records have no prototype, what we decode has. */
function plain<T>(value: T): T {
  return structuredClone(value);
}

export const anyMac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => Array.from(bytes, (value) => value.toString(16).padStart(2, "0")).join(":"));

function address(version: IpVersion): fc.Arbitrary<IpAddress> {
  const size = addressBits[version] / 8;
  return (
    fc
      .uint8Array({ minLength: size, maxLength: size })
      .map(addressFromBytes)
      // ::ffff:0:0/96 is IPv4 to us, and no address of a route.
      .filter((text) => !text.startsWith("::ffff:"))
  );
}

function cidr(version: IpVersion): fc.Arbitrary<Cidr> {
  return fc
    .tuple(address(version), fc.integer({ min: 0, max: addressBits[version] }))
    .map(([address, length]) => makeCidr(address, length))
    .filter((cidr) => !cidr.startsWith("::ffff:"));
}

/** IPv4 routes may have gateways of either version. */
function gateway(version: IpVersion): fc.Arbitrary<IpAddress> {
  return version === 4 ? fc.oneof(address(4), address(6)) : address(6);
}

function hop(version: IpVersion): fc.Arbitrary<RouteHop> {
  return fc.record(
    {
      linkIndex: index,
      gateway: gateway(version),
      isOnlink: fc.constant(true),
      weight: fc.integer({ min: 1, max: 256 }),
    },
    { requiredKeys: ["weight"] },
  );
}

export const anyRoute: fc.Arbitrary<Route> = version.chain((version) => {
  const common = fc.record(
    {
      destination: cidr(version),
      table: fc.oneof(fc.constant(254), fc.integer({ min: 1, max: 0xffffffff })),
      protocol: octet,
      metric: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffffffff })),
      type: fc.constantFrom("unicast", "local", "anycast", "multicast"),
      scope: fc.constantFrom("universe", "site", "link", "host"),
      source: address(version),
    },
    { requiredKeys: ["destination", "table", "protocol", "metric", "type", "scope"] },
  );
  const way = fc.oneof(
    fc.record({ linkIndex: index, gateway: gateway(version), isOnlink: fc.constant(true) }, { requiredKeys: [] }),
    fc.record({ nextHopId: index }),
    fc.record({ nextHops: fc.array(hop(version), { minLength: 1, maxLength: 5 }) }),
  );
  return fc.tuple(common, way).map(([common, way]) => plain({ ...common, ...way }) as Route);
});

export const anyAddress: fc.Arbitrary<LinkAddress> = version.chain((version) =>
  fc
    .record(
      {
        linkIndex: index,
        address: address(version),
        length: fc.integer({ min: 0, max: addressBits[version] }),
        scope: fc.constantFrom("global", "site", "link", "host"),
        isNoDad: fc.constant(true),
      },
      { requiredKeys: ["linkIndex", "address", "length", "scope"] },
    )
    .map(plain),
);

export const anyNeighbour: fc.Arbitrary<Neighbour> = fc
  .record(
    {
      linkIndex: index,
      address: version.chain(address),
      mac: fc.oneof(anyMac, fc.constant("")),
      state: fc.constantFrom("none", "incomplete", "reachable", "stale", "failed", "noarp", "permanent"),
      protocol: fc.integer({ min: 1, max: 255 }),
    },
    { requiredKeys: ["linkIndex", "address", "mac", "state"] },
  )
  .map(plain);

export const anyNextHop: fc.Arbitrary<NextHop> = fc
  .oneof(
    version.chain(address).chain((gateway) =>
      fc.record(
        {
          id: index,
          protocol: octet,
          version: fc.constant(addressVersion(gateway)),
          linkIndex: index,
          gateway: fc.constant(gateway),
          isOnlink: fc.constant(true),
        },
        { requiredKeys: ["id", "protocol", "version", "linkIndex"] },
      ),
    ),
    fc.record({ id: index, protocol: octet, version, isBlackhole: fc.constant(true) }),
    fc.record({
      id: index,
      protocol: octet,
      group: fc.array(fc.record({ id: index, weight: fc.integer({ min: 1, max: 256 }) }), {
        minLength: 1,
        maxLength: 8,
      }),
    }),
  )
  .map(plain);

export const anyLinkSettings: fc.Arbitrary<Pick<Link, "index" | "name" | "mac" | "mtu" | "alias" | "group" | "isUp">> =
  fc
    .record(
      {
        index,
        name: fc.stringMatching(/^[a-z0-9]{1,15}$/),
        mac: anyMac,
        mtu: fc.integer({ min: 68, max: 65535 }),
        alias: fc.stringMatching(/^[a-z/:]{1,80}$/),
        group: fc.nat(),
        isUp: fc.boolean(),
      },
      { requiredKeys: ["index", "name", "mac", "mtu", "group", "isUp"] },
    )
    .map(plain);
