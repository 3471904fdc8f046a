import assert from "node:assert/strict";
import { test } from "node:test";
import { type Kind, kindDefinitions } from "../resources/index.ts";
import { type Verb, authorizeRequest } from "./authorize-request.ts";
import { roles } from "./identity.ts";

const verbs: readonly Verb[] = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
const letters: Readonly<Record<Verb, string>> = {
  get: "g",
  list: "l",
  watch: "w",
  create: "c",
  update: "u",
  patch: "p",
  delete: "d",
  deletecollection: "D",
};

/** By kind: what a viewer, a node, cni and a reflector may ever do. Admins may do everything. */
const table: { readonly [K in Kind]: readonly [viewer: string, node: string, cni: string, reflector: string] } = {
  BGPConfiguration: ["glw", "glw", "", "glw"],
  BGPFilter: ["glw", "glw", "", "glw"],
  BGPPeer: ["glw", "glw", "", "glw"],
  BlockAffinity: ["glw", "glwcupd", "glwcupd", ""],
  CalicoNodeStatus: ["glw", "glwup", "", ""],
  ClusterInformation: ["glw", "glw", "", ""],
  FelixConfiguration: ["glw", "glw", "", ""],
  GlobalNetworkPolicy: ["glw", "glw", "", ""],
  GlobalNetworkSet: ["glw", "glw", "", ""],
  HostEndpoint: ["glw", "glw", "", ""],
  IPAMBlock: ["glw", "glwcupd", "glwcupd", ""],
  IPAMConfiguration: ["glw", "glw", "glw", ""],
  IPAMHandle: ["glw", "glwcupd", "glwcupd", ""],
  IPPool: ["glw", "glw", "glw", "glw"],
  IPReservation: ["glw", "glw", "glw", ""],
  KubernetesClusterNetworkPolicy: ["glw", "glw", "", ""],
  KubernetesNetworkPolicy: ["glw", "glw", "", ""],
  Namespace: ["glw", "glw", "glw", ""],
  NetworkPolicy: ["glw", "glw", "", ""],
  NetworkSet: ["glw", "glw", "", ""],
  Node: ["glw", "glwcup", "glw", "glw"],
  Profile: ["glw", "glw", "", ""],
  Secret: ["", "glw", "", "glw"],
  ServiceAccount: ["glw", "glw", "", ""],
  StagedGlobalNetworkPolicy: ["glw", "glw", "", ""],
  StagedKubernetesNetworkPolicy: ["glw", "glw", "", ""],
  StagedNetworkPolicy: ["glw", "glw", "", ""],
  Tier: ["glw", "glw", "", ""],
  WorkloadEndpoint: ["glw", "glwcupd", "glwcupd", ""],
};

test("every role may do with every kind what the table says, and nothing else", () => {
  for (const [name, [viewer, node, cni, reflector]] of Object.entries(table)) {
    const kind = name as Kind;
    const expected = { admin: "glwcupdD", viewer, node, cni, reflector };
    for (const role of roles) {
      const may = verbs.filter((verb) => authorizeRequest({ role, name: "a" }, verb, kind).isAllowed);
      assert.equal(may.map((verb) => letters[verb]).join(""), expected[role], `${role} and ${kind}`);
    }
  }
});

test("the table has every kind", () => {
  assert.deepEqual(
    kindDefinitions.map(({ kind }) => kind).filter((kind) => table[kind] === undefined),
    [],
  );
});
