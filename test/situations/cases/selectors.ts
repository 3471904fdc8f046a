import { type Situation, situation } from "../situation.ts";

/** A policy that shuts whom the selector picks. */
const shut = (selector: string) => `
kind: GlobalNetworkPolicy
metadata: { name: shut }
spec: { selector: ${JSON.stringify(selector)}, types: [Ingress] }
`;

/** A policy that lets into db whom the selector picks. */
const letIn = (selector: string) => `
kind: GlobalNetworkPolicy
metadata: { name: let-in }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: ${JSON.stringify(selector)} } }] }
`;

/** Every operator of the selector language, over subjects and over peers. */
export const selectors: readonly Situation[] = [
  situation("unequal holds for those without the label", letIn("stage != 'test'"), { closed: "lab out -> db" }),
  situation("in takes one of a list, for subjects", shut("app in { 'mon', 'api', 'nobody' }"), {
    closed: "all -> mon api",
  }),
  situation("not in takes those without the label, too", shut("tier not in {'back'}"), {
    closed: "all -> web lab mon",
  }),
  situation("in an empty list is nobody", shut("app in {}"), { closed: "" }),
  situation("contains looks anywhere in the value", letIn("app contains 'e'"), { closed: "api mon out -> db" }),
  situation("starts with looks at the beginning of the value", letIn('app starts with "b"'), {
    closed: "all -bench -> db",
  }),
  situation("ends with looks at the end of the value", shut("app ends with 'b'"), { closed: "all -> web db sink" }),
  situation("has asks for the key alone", shut("has(stage)"), { closed: "all -> db lab" }),
  situation("not binds to the one thing behind it", shut("!has(stage) && app != 'web'"), { closed: "all -> api mon" }),
  situation("and binds closer than or", letIn("app == 'api' || app == 'web' && stage == 'test'"), {
    closed: "web bench mon out -> db",
  }),
  situation("brackets come first", letIn("(app == 'api' || app == 'web') && has(tier)"), {
    closed: "lab mon out -> db",
  }),
  situation("all() finds every workload and no stranger", letIn("all()"), { closed: "out -> db" }),
  situation(
    "the labels that the system gives can be asked for",
    letIn("projectcalico.org/namespace == 'lab' || projectcalico.org/serviceaccount == 'watcher'"),
    { closed: "web api out -> db" },
  ),
  situation(
    "nobody gets into a namespace by saying so in his labels",
    `
kind: GlobalNetworkPolicy
metadata: { name: sales-only }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { namespaceSelector: team == 'sales' } }] }
`,
    {
      cast: {
        pods: {
          bench: {
            labels: { app: "bench", team: "sales", "pcns.team": "sales", "projectcalico.org/namespace": "shop" },
          },
        },
      },
      closed: "lab ops out -> db",
    },
  ),
  situation(
    "global() as a namespace selector finds what is in no namespace, and no workload",
    `
kind: GlobalNetworkSet
metadata: { name: outer, labels: { app: web } }
spec: { nets: [198.51.100.0/24, "2001:db8:a::/48"] }
---
kind: GlobalNetworkPolicy
metadata: { name: globals }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { namespaceSelector: global(), selector: app == 'web' } }] }
`,
    { closed: "pods -> db" },
  ),
  situation(
    "all() as a namespace selector of a policy means workloads of all namespaces",
    `
kind: GlobalNetworkPolicy
metadata: { name: everywhere }
spec: { namespaceSelector: all(), types: [Ingress], ingress: [{ action: Allow, source: { namespaceSelector: all() } }] }
`,
    { closed: "out -> pods" },
  ),
];
