import { endLab, findLab } from "./find-labs.ts";

export type LabDownOptions = {
  /** Needed only when several labs run. */
  readonly name?: string | undefined;
  readonly print: (line: string) => void;
};

/** Ends a lab and waits until all of it is gone. A lab that does not run is fine. */
export async function labDown({ name, print }: LabDownOptions): Promise<void> {
  const lab = findLab(name);
  if (lab === undefined) {
    print(name === undefined ? "no lab is running" : `lab ${name} is not running`);
    return;
  }
  await endLab(lab);
  print(`lab ${lab.name} is gone`);
}
