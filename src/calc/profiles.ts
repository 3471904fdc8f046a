import {
  type Namespace,
  type Profile,
  defaultAllowProfile,
  defaultProfileName,
  namespaceProfile,
} from "../resources/index.ts";

/** Profiles by name: those written, those that namespaces stand for, and the built-in one. */
export class Profiles {
  readonly #onProfile: (name: string, profile: Profile | undefined) => void;
  readonly #written = new Map<string, Profile>();
  readonly #fromNamespace = new Map<string, Profile>();

  constructor(onProfile: (name: string, profile: Profile | undefined) => void) {
    this.#onProfile = onProfile;
    this.#tell(defaultAllowProfile.metadata.name);
  }

  setNamespace(name: string, namespace: Namespace | undefined): void {
    const profileName = defaultProfileName(name);
    if (namespace === undefined) this.#fromNamespace.delete(profileName);
    else this.#fromNamespace.set(profileName, namespaceProfile(namespace));
    this.#tell(profileName);
  }

  setProfile(name: string, profile: Profile | undefined): void {
    if (profile === undefined) this.#written.delete(name);
    else this.#written.set(name, profile);
    this.#tell(name);
  }

  /** Nobody can write a profile in the place of a namespace's or the built-in one. */
  #tell(name: string): void {
    const builtIn = name === defaultAllowProfile.metadata.name ? defaultAllowProfile : undefined;
    this.#onProfile(name, builtIn ?? this.#fromNamespace.get(name) ?? this.#written.get(name));
  }
}
