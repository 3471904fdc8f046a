// The routers that our speaker is tried with: how each is configured, started and looked into.
// Must not know what is tried.
// Start at router.ts.
import type { Place } from "../network.ts";
import { Bird } from "./bird.ts";
import { ExaBgp } from "./exabgp.ts";
import { Frr } from "./frr.ts";
import { GoBgp } from "./gobgp.ts";
import type { Router, RouterName } from "./router.ts";

export {
  type Neighbor,
  type Router,
  type RouterConfig,
  type RouterName,
  type Seen,
  type Told,
  routerNames,
} from "./router.ts";
export { Bird, Frr };

export function makeRouter(name: RouterName, place: Place): Router {
  switch (name) {
    case "bird":
      return new Bird(place);
    case "frr":
      return new Frr(place);
    case "gobgp":
      return new GoBgp(place);
    case "exabgp":
      return new ExaBgp(place);
  }
}
