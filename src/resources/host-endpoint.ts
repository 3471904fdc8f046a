import type { z } from "zod";
import type { IpAddress } from "../lib/index.ts";
import { Complaint } from "./complaint.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { address, interfaceName, reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { portName, portProtocol } from "./port.ts";
import type { Protocol } from "./protocol.ts";
import { integer, isBlank, isEmptyList, isZero, list, object, optional, refine, required } from "./schema.ts";

/** At least one of `interfaceName` and `expectedIPs` is there. */
export type HostEndpointSpec = {
  readonly node: string;
  /** `*`: every interface without a host endpoint of its own. */
  readonly interfaceName?: string;
  readonly expectedIPs?: readonly IpAddress[];
  readonly profiles?: readonly string[];
  readonly ports?: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[];
};

/** An interface of a host as an end of its own. */
export type HostEndpoint = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "HostEndpoint";
  readonly metadata: ObjectMeta;
  readonly spec: HostEndpointSpec;
};

const spec = refine(
  object({
    node: required(reference, isBlank),
    interfaceName: optional(interfaceName, isBlank),
    expectedIPs: optional(list(address(), { isSet: true }), isEmptyList),
    profiles: optional(list(reference, { isSet: true }), isEmptyList),
    ports: optional(
      list(
        object({
          name: required(portName, isBlank),
          protocol: required(portProtocol, isBlank),
          port: required(integer(1, 65535), isZero),
        }),
      ),
      isEmptyList,
    ),
  }),
  ({ interfaceName, expectedIPs }) =>
    interfaceName === undefined && expectedIPs === undefined
      ? new Complaint("names no interface", "give interfaceName or expectedIPs")
      : undefined,
);

const schema: z.ZodType<HostEndpoint> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "HostEndpoint", isNamespaced: false },
  { spec },
);

export const hostEndpoint = defineKind({
  kind: "HostEndpoint",
  plural: "hostendpoints",
  singular: "hostendpoint",
  shortNames: ["hep", "heps"],
  isNamespaced: false,
  schema,
  columns: {
    Node: ({ spec }) => spec.node,
    Interface: ({ spec }) => spec.interfaceName ?? "",
    Addresses: ({ spec }) => (spec.expectedIPs ?? []).join(","),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "HostEndpoint",
    metadata: { name: "host-1-eth0", labels: { zone: "outer" } },
    spec: { node: "host-1", interfaceName: "eth0", expectedIPs: ["192.0.2.11", "2001:db8::11"] },
  },
});
