import type { RunKeeperOptions } from "./keeper.ts";
import type { RunSpineOptions } from "./spine.ts";

export type { RunKeeperOptions, RunSpineOptions };

// What runs inside a lab brings half of the product with it. `lab exec` and `lab status` should not wait for that.

/** See keeper.ts. */
export async function runKeeper(options: RunKeeperOptions): Promise<void> {
  const keeper = await import("./keeper.ts");
  await keeper.runKeeper(options);
}

/** See spine.ts. */
export async function runSpine(options: RunSpineOptions): Promise<void> {
  const spine = await import("./spine.ts");
  await spine.runSpine(options);
}
