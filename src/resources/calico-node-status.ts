import { z } from "zod";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { integer, isBlank, isEmptyList, isZero, list, object, optional, required } from "./schema.ts";

export type CalicoNodeStatusSpec = {
  readonly node: string;
  /** What the node is to report. */
  readonly classes: readonly ("Agent" | "BGP" | "Routes")[];
  /** 0..86400; 0: once. */
  readonly updatePeriodSeconds: number;
};

/** Asks a node for a report, which comes as the status. */
export type CalicoNodeStatus = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "CalicoNodeStatus";
  readonly metadata: ObjectMeta;
  readonly spec: CalicoNodeStatusSpec;
  readonly status?: CalicoNodeStatusReport;
};

export type CalicoNodeStatusReport = Readonly<z.output<typeof status>>;

const text = optional(z.string(), isBlank);
const count = optional(integer(0, Number.MAX_SAFE_INTEGER), isZero);

const speaker = optional(
  object({
    state: optional(z.enum(["Ready", "NotReady"]), isBlank),
    version: text,
    routerID: text,
    lastBootTime: text,
    lastReconfigurationTime: text,
  }),
);

const sessionStates = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established", "Close"] as const;

const peers = optional(
  list(
    object({
      peerIP: text,
      type: optional(z.enum(["NodeMesh", "NodePeer", "GlobalPeer"]), isBlank),
      state: optional(z.enum(sessionStates), isBlank),
      since: text,
    }),
  ),
  isEmptyList,
);

const routes = optional(
  list(
    object({
      type: optional(z.enum(["FIB", "RIB"]), isBlank),
      destination: text,
      gateway: text,
      interface: text,
      learnedFrom: optional(
        object({
          sourceType: optional(z.enum(["Kernel", "Static", "Direct", "NodeMesh", "BGPPeer"]), isBlank),
          peerIP: text,
        }),
      ),
    }),
  ),
  isEmptyList,
);

const status = object({
  lastUpdated: text,
  agent: optional(object({ birdV4: speaker, birdV6: speaker })),
  bgp: optional(
    object({
      numberEstablishedV4: count,
      numberEstablishedV6: count,
      numberNotEstablishedV4: count,
      numberNotEstablishedV6: count,
      peersV4: peers,
      peersV6: peers,
    }),
  ),
  routes: optional(object({ routesV4: routes, routesV6: routes })),
});

const schema: z.ZodType<CalicoNodeStatus> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "CalicoNodeStatus", isNamespaced: false },
  {
    spec: object({
      node: required(reference, isBlank),
      classes: required(list(z.enum(["Agent", "BGP", "Routes"]), { isSet: true }), isEmptyList),
      updatePeriodSeconds: integer(0, 86400),
    }),
    status: optional(status),
  },
);

export const calicoNodeStatus = defineKind({
  kind: "CalicoNodeStatus",
  plural: "caliconodestatuses",
  singular: "caliconodestatus",
  isNamespaced: false,
  hasStatus: true,
  schema,
  columns: {
    Node: ({ spec }) => spec.node,
    Classes: ({ spec }) => spec.classes.join(","),
    Updated: ({ status }) => status?.lastUpdated ?? "",
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "CalicoNodeStatus",
    metadata: { name: "host-1" },
    spec: { node: "host-1", classes: ["Agent", "BGP"], updatePeriodSeconds: 30 },
  },
});
