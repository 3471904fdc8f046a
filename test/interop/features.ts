import type { Feature } from "./feature.ts";
import { linkFeatures } from "./scenarios/links.ts";
import { restartFeatures } from "./scenarios/restart.ts";
import { routeFeatures } from "./scenarios/routes.ts";
import { securityFeatures } from "./scenarios/security.ts";
import { sessionFeatures } from "./scenarios/sessions.ts";

/** In the order of the reference. */
export const features: readonly Feature[] = [
  ...sessionFeatures,
  ...securityFeatures,
  ...routeFeatures,
  ...restartFeatures,
  ...linkFeatures,
];
