import { changes } from "./cases/changes.ts";
import { cluster } from "./cases/cluster.ts";
import { hostCases } from "./cases/hosts.ts";
import { icmp } from "./cases/icmp.ts";
import { kubernetesEgress } from "./cases/kubernetes-egress.ts";
import { kubernetesPeers } from "./cases/kubernetes-peers.ts";
import { kubernetesPorts } from "./cases/kubernetes-ports.ts";
import { order } from "./cases/order.ts";
import { profiles } from "./cases/profiles.ts";
import { rules } from "./cases/rules.ts";
import { selectors } from "./cases/selectors.ts";
import { sets } from "./cases/sets.ts";
import { staged } from "./cases/staged.ts";
import { tiers } from "./cases/tiers.ts";
import type { Situation } from "./situation.ts";

/** What the documentation of policies describes, situation by situation, with what is expected written by hand. */
export const handMade: readonly Situation[] = [
  kubernetesPeers,
  kubernetesPorts,
  kubernetesEgress,
  rules,
  selectors,
  sets,
  tiers,
  order,
  profiles,
  cluster,
  staged,
  icmp,
  hostCases,
  changes,
].flat();
