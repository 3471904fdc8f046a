import { TortieError, isJsonObject } from "../lib/index.ts";
import { askKeeper } from "./control.ts";
import { requireLab } from "./find-labs.ts";

/** What a lab is doing, for programs (see `LabStatus`) and for people. */
export type LabReport = { readonly json: unknown; readonly text: string };

/** `name` is needed only when several labs run. */
export async function labStatus(options: { readonly name?: string | undefined }): Promise<LabReport> {
  const { entryPid, name } = requireLab(options.name);
  const answer = await askKeeper(entryPid, "/v1/status", {});
  if (isJsonObject(answer) && typeof answer["text"] === "string") return { json: answer["json"], text: answer["text"] };
  throw new TortieError("TT_LAB", `the keeper of lab ${name} is of another version`, {
    hint: `tortie lab down ${name}`,
  });
}
